// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "agent/commands/cli.h"

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
    CHECK(create.wish.zone == "cn-hangzhou-h");
    CHECK(create.wish.security_group == "sg-1");
    CHECK(create.wish.open_to == "10.0.0.0/8");
    CHECK(create.client_token == "abc");
    CHECK((create.wait && create.dry_run && create.yes && create.json));
    CHECK(create.timeout_us == core::kHour);
    CHECK(endpoint({"wait", "ep-1"}).timeout_us == 30 * core::kMinute);
    CHECK(endpoint({"delete", "ep-1"}).timeout_us == 10 * core::kMinute);
    CHECK_FALSE(endpoint({"delete", "ep-1"}).yes);
}

TEST_CASE("cli: endpoint refuses what can't be meant", "[cli]") {
    CHECK(refused({"show"}).find("ENDPOINT") != std::string::npos);
    CHECK(refused({"show", "epsrv-1"}).find("endpoint service") != std::string::npos);
    CHECK(refused({"create", "--vpc", "vsw-1"}).find("vpc-") != std::string::npos);
    CHECK(refused({"create", "--zone", "H"}).find("zone") != std::string::npos);
    CHECK(refused({"create", "--region", "cn-hangzhou-h"}).find("is a zone") != std::string::npos);
    CHECK(refused({"create", "--client-token", ""}).find("ASCII") != std::string::npos);
    CHECK(refused({"wait", "ep-1", "--interval", "1ms"}).find("100ms") != std::string::npos);
    CHECK(refused({"wait", "ep-1", "--dry-run"}).find("--dry-run") != std::string::npos);
    refused({});
    refused({"accept", "ep-1"});
}
