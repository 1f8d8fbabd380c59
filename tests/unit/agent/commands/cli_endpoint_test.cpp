// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/cli.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using Verb = EndpointCommand::Verb;

namespace {

Command parse(std::vector<const char*> words) {
    words.insert(words.begin(), {"postern", "endpoint"});
    return parse_command_line(static_cast<int>(words.size()), words.data(), 0);
}

EndpointCommand endpoint(std::vector<const char*> words) {
    auto command = parse(std::move(words));
    if (const auto* text = std::get_if<PrintAndExit>(&command)) FAIL(text->text);
    return std::get<EndpointCommand>(command);
}

std::string refused(std::vector<const char*> words) {
    auto command = parse(std::move(words));
    REQUIRE(std::holds_alternative<PrintAndExit>(command));
    CHECK(std::get<PrintAndExit>(command).code == kExitUnknown);
    return std::get<PrintAndExit>(command).text;
}

}  // namespace

TEST_CASE("cli: endpoint commands with their options", "[cli]") {
    CHECK(endpoint({"services", "--service", "epsrv-1", "--json"}).verb == Verb::kServices);
    CHECK(endpoint({"list", "--vpc", "vpc-1"}).wish.vpc == "vpc-1");
    CHECK(endpoint({"show", "ep-1", "--from", "10.0.0.1"}).from->text() == "10.0.0.1");
    const auto create = endpoint({"create",        "--service",        "epsrv-1",   "--vpc",
                                  "vpc-1",         "--vswitch",        "vsw-1",     "--zone",
                                  "cn-hangzhou-h", "--security-group", "sg-1",      "--open-to",
                                  "10.0.0.0/8",    "--name",           "td",        "--client-token",
                                  "abc",           "--wait",           "--timeout", "1h",
                                  "--region",      "cn-hangzhou",      "-n",        "-y",
                                  "--json"});
    CHECK(create.verb == Verb::kCreate);
    CHECK(create.wish.vswitch == "vsw-1");
    CHECK(create.wish.zones == std::vector<ZoneWish>{{"cn-hangzhou-h", "", {}, {}}});
    CHECK(create.wish.security_group == "sg-1");
    CHECK(create.wish.open_to == std::vector<std::string>{"10.0.0.0/8"});
    CHECK(create.client_token == "abc");
    CHECK((create.wait && create.dry_run && create.yes && create.json));
    CHECK(create.timeout_us == core::kHour);
    CHECK(endpoint({"wait", "ep-1"}).timeout_us == 30 * core::kMinute);
    CHECK(endpoint({"delete", "ep-1"}).timeout_us == 10 * core::kMinute);
    CHECK_FALSE(endpoint({"delete", "ep-1"}).yes);
}

TEST_CASE("cli: everything that a new endpoint may be made with", "[cli]") {
    const auto create = endpoint({"create",
                                  "--zone",
                                  "cn-hangzhou-h,vsw-1",
                                  "--zone",
                                  "cn-hangzhou-i,vsw-2,2408::9",
                                  "--open-to",
                                  "10.0.0.0/8",
                                  "--open-to",
                                  "2408::/56",
                                  "--dual-stack",
                                  "--tag",
                                  "env=prod",
                                  "--tag",
                                  "bare",
                                  "--resource-group",
                                  "rg-1",
                                  "--region-of-service",
                                  "cn-beijing",
                                  "--bandwidth",
                                  "200",
                                  "--zone-affinity"});
    REQUIRE(create.wish.zones.size() == 2);
    CHECK(zone_wish_text(create.wish.zones[1]) == "cn-hangzhou-i,vsw-2,2408::9");
    CHECK(create.wish.open_to.size() == 2);
    CHECK(create.wish.tags == std::vector<std::pair<std::string, std::string>>{{"env", "prod"}, {"bare", ""}});
    CHECK(create.wish.resource_group == "rg-1");
    CHECK(create.wish.service_region == "cn-beijing");
    CHECK(create.wish.bandwidth == 200);
    CHECK((create.wish.dual_stack && create.wish.zone_affinity));
    CHECK_FALSE(endpoint({"create"}).wish.zone_affinity);
    CHECK(endpoint({"services", "--region-of-service", "cn-beijing"}).wish.service_region == "cn-beijing");
}

TEST_CASE("cli: zones of an endpoint, its file, its group", "[cli]") {
    const auto add = endpoint({"zone", "add", "ep-1", "cn-hangzhou-i,vsw-2", "--yes"});
    CHECK(add.verb == Verb::kZone);
    CHECK((add.adds && add.yes));
    CHECK(add.endpoint == "ep-1");
    CHECK(zone_wish_text(add.zone) == "cn-hangzhou-i,vsw-2");
    CHECK(add.timeout_us == 10 * core::kMinute);
    CHECK_FALSE(endpoint({"zone", "remove", "ep-1", "cn-hangzhou-i"}).adds);
    CHECK(endpoint({"export", "ep-1", "zones.json"}).file == "zones.json");
    CHECK(endpoint({"export", "ep-1", "zones.json"}).endpoint == "ep-1");
    CHECK(endpoint({"export", "zones.json"}).file == "zones.json");
    CHECK(endpoint({"export", "zones.json"}).endpoint.empty());
    CHECK(refused({"export", "zones.json", "ep-1"}).find("zones.json") != std::string::npos);
    CHECK(refused({"export", "ep-1", "zones.json", "more"}).find("more") != std::string::npos);
    CHECK(refused({"export"}).find("FILE") != std::string::npos);
    CHECK(endpoint({"remove-group", "sg-1", "-n"}).group == "sg-1");
    CHECK(refused({"zone", "move", "ep-1", "cn-hangzhou-i"}).find("neither add nor remove") != std::string::npos);
    CHECK(refused({"zone", "add", "ep-1", "vsw-1"}).find("ZONE") != std::string::npos);
    CHECK(refused({"zone", "add", "ep-1"}).find("ZONE") != std::string::npos);
    CHECK(refused({"export", "ep-1"}).find("FILE") != std::string::npos);
    CHECK(refused({"remove-group", "ep-1"}).find("sg-") != std::string::npos);
}

TEST_CASE("cli: endpoint refuses what can't be meant", "[cli]") {
    CHECK(refused({"show"}).find("ENDPOINT") != std::string::npos);
    CHECK(refused({"show", "epsrv-1"}).find("endpoint service") != std::string::npos);
    CHECK(refused({"create", "--vpc", "vsw-1"}).find("vpc-") != std::string::npos);
    CHECK(refused({"create", "--zone", "H"}).find("zone") != std::string::npos);
    CHECK(refused({"create", "--zone", "cn-hangzhou-h,10.0.0"}).find("vsw-") != std::string::npos);
    std::vector<const char*> eleven{"create"};
    for (int i = 0; i < 11; ++i)
        eleven.insert(eleven.end(), {"--zone", "cn-hangzhou-h"});
    CHECK(refused(eleven).find("10 times") != std::string::npos);
    CHECK(refused({"create", "--tag", "acs:x=1"}).find("Alibaba") != std::string::npos);
    CHECK(refused({"create", "--bandwidth", "99"}).find("100") != std::string::npos);
    CHECK(refused({"create", "--resource-group", "sg-1"}).find("rg-") != std::string::npos);
    CHECK(refused({"create", "--region", "cn-hangzhou-h"}).find("is a zone") != std::string::npos);
    CHECK(refused({"create", "--client-token", ""}).find("ASCII") != std::string::npos);
    CHECK(refused({"wait", "ep-1", "--interval", "1ms"}).find("100ms") != std::string::npos);
    CHECK(refused({"wait", "ep-1", "--dry-run"}).find("--dry-run") != std::string::npos);
    refused({});
    refused({"accept", "ep-1"});
}
