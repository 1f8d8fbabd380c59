// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/names.h"

#include "tests/unit/agent/publish/memory_zones.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::publish;

namespace {

EndpointReport report(const char* id, const char* ip, const char* status = "Connected") {
    EndpointReport out;
    out.endpoint_id = id;
    out.status = "Active";
    out.business_status = "Normal";
    out.connection_status = "Connected";
    out.zones = {{.zone_id = "cn-hangzhou-h", .status = status, .ipv4 = core::IpAddress::parse(ip)}};
    return out;
}

LinkConfig link(std::vector<std::string> endpoints) {
    LinkConfig out;
    out.name = "prod";
    out.endpoints = std::move(endpoints);
    return out;
}

}  // namespace

TEST_CASE("names: fixed addresses need no source", "[publish]") {
    LinkConfig fixed = link({});
    fixed.addresses = {*core::IpAddress::parse("10.0.3.1")};
    const auto found = addresses_of(fixed, {});
    REQUIRE(found);
    CHECK(describe(*found) == "10.0.3.1");
    CHECK(keys_of({&fixed}).empty());
}

TEST_CASE("names: the addresses of all sources, each asked once", "[publish]") {
    const LinkConfig a = link({"ep-1", "ep-2"}), b = link({"ep-2"});
    CHECK(keys_of({&a, &b}) == std::vector<std::string>{"ep-1", "ep-2"});
    SourceRound::Answers answers;
    answers.emplace("ep-1", report("ep-1", "10.0.1.23"));
    answers.emplace("ep-2", report("ep-2", "10.0.2.9"));
    CHECK(addresses_of(a, answers)->size() == 2);
    LinkConfig narrow = a;
    narrow.zones = {"cn-hangzhou-z"};
    CHECK_FALSE(addresses_of(narrow, answers));
}

TEST_CASE("names: half a set is an error, and so is none", "[publish]") {
    const LinkConfig a = link({"ep-1", "ep-2"});
    SourceRound::Answers answers;
    answers.emplace("ep-1", report("ep-1", "10.0.1.23"));
    CHECK_FALSE(addresses_of(a, answers));
    answers.emplace("ep-2", core::fail(core::Code::kApiThrottled, "later"));
    const auto failed = addresses_of(a, answers);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == core::Code::kApiThrottled);
    SourceRound::Answers waiting;
    waiting.emplace("ep-1", report("ep-1", "10.0.1.23", "Wait"));
    const auto none = addresses_of(link({"ep-1"}), waiting);
    REQUIRE_FALSE(none);
    CHECK_FALSE(none.error().hint.empty());
}

TEST_CASE("names: a link that is not there names those that are", "[publish]") {
    Config config;
    config.links = {link({}), link({})};
    config.links[0].name = "prod";
    config.links[1].name = "test";
    const auto quiet = [] { return false; };
    const auto none = ask_names(config, "prd", {}, quiet);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == core::Code::kUsage);
    CHECK(none.error().hint == "there are: prod, test");
    for (auto& l : config.links)
        l.addresses = {*core::IpAddress::parse("10.0.3.1")};
    CHECK(ask_names(config, "", {}, quiet)->size() == 2);
    CHECK(ask_names(config, "test", {}, quiet)->size() == 1);
}
