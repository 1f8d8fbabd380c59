// SPDX-License-Identifier: Apache-2.0
#include "agent/faults/catalogue.h"
#include "core/clock.h"
#include "tests/unit/agent/doctor/judge_fixture.h"
#include "tests/unit/catch.h"

namespace postern::agent::doctor {

namespace {

constexpr const char* kDomain = "ep-1.epsrv-2.cn-hangzhou.privatelink.aliyuncs.com";

struct Seen {
    Config config;
    std::vector<probe::ProbeTarget> targets;
    CloudSeen cloud;
    AgentSeen agent;

    Seen() {
        LinkConfig link;
        link.name = "prod";
        link.targets = {kDomain};
        config.links = {link};
        give("10.0.1.1", kDomain);
    }
    void give(const char* address, const char* name) { targets.push_back({"prod", ip(address), "", name, nullptr}); }
    static EndpointReport report() {
        EndpointReport r{.endpoint_id = "ep-1"};
        r.domain = kDomain;
        r.zones = {{"h", "Connected", ip("10.0.1.1"), {}, "ep-1-h.example"},
                   {"i", "Connected", ip("10.0.2.1"), {}, "ep-1-i.example"}};
        return r;
    }
    Findings judged() const { return judge_zones(config, targets, cloud, agent); }
    std::string found_text() const {
        const auto all = judged();
        REQUIRE(all.size() == 1);
        return Catalogue::in(Language::kEnglish).of(all[0].code, "found", all[0].values);
    }
};

}  // namespace

TEST_CASE("doctor: a followed name that leaves zones out, with what the API says about zone affinity", "[doctor]") {
    Seen seen;
    CHECK(seen.judged().empty());  // nobody knows the endpoint's zones
    seen.cloud.followed = {Seen::report()};
    CHECK(troubles(seen.judged()) == "WARN PN-ENDPOINT-AFFINITY");
    CHECK(seen.found_text() == "zone h; ZoneAffinityEnabled is unknown");
    seen.cloud.followed[0].zone_affinity = true;
    CHECK(seen.found_text() == "zone h; ZoneAffinityEnabled is true");
    seen.cloud.followed[0].zone_affinity = false;
    CHECK(seen.found_text() == "zone h; ZoneAffinityEnabled is false (the other zones are missing for another reason)");
    const auto all = seen.judged();
    const std::string fix = Catalogue::in(Language::kEnglish).of(all[0].code, "fix", all[0].values);
    CHECK(fix.find("ep-1-h.example, ep-1-i.example") != std::string::npos);

    EndpointInfo info;
    info.report = Seen::report();
    seen.cloud.followed.clear();
    seen.cloud.endpoints.push_back({"other", "ep-1", info, {}});  // another link's endpoint is the same one
    CHECK(troubles(seen.judged()) == "WARN PN-ENDPOINT-AFFINITY");
    seen.give("10.0.2.1", "ep-1-i.example");
    CHECK(seen.judged().empty());
}

TEST_CASE("doctor: what only the agent knows of a followed name is told, with the API's word on affinity", "[doctor]") {
    Seen seen;
    seen.agent.one_zone = {{"prod", {kDomain, "ep-1", "h", "i", "", {}}}, {"gone", {"x", "ep-9", "h", "i", "", {}}}};
    CHECK(troubles(seen.judged()) == "WARN PN-ENDPOINT-AFFINITY");
    CHECK(seen.judged()[0].values.at("domains") == "postern endpoint show ep-1");
    EndpointReport bare{.endpoint_id = "ep-1"};
    bare.zone_affinity = true;
    seen.cloud.followed = {bare};
    CHECK(seen.found_text() == "zone h; ZoneAffinityEnabled is true");
    seen.config.links[0].targets.clear();
    CHECK(seen.judged().empty());
}

TEST_CASE("doctor: one address is not told twice where the endpoint has other zones", "[doctor]") {
    Seen seen;
    seen.cloud.followed = {Seen::report()};
    CHECK(troubles(judge_path("prod", {good("10.0.1.1")}, 1767323045 * core::kSecond)) == "WARN PN-ADDRESS-ONE");
    CHECK(troubles(judge_path("prod", {good("10.0.1.1")}, 1767323045 * core::kSecond), seen.judged()).empty());
}

}  // namespace postern::agent::doctor
