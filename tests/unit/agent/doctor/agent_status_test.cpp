// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/agent_status.h"

#include <fmt/format.h>

#include "agent/doctor/judge.h"
#include "tests/unit/catch.h"

namespace postern::agent::doctor {
namespace {

AgentSeen seen_in(const std::string& body, const Config& config = {}) {
    AgentSeen seen;
    read_agent_status(body, config, seen);
    return seen;
}

/// Code and state of each finding, of a status with these keys beside what is always there.
std::vector<std::string> judged(const std::string& keys) {
    std::vector<std::string> out;
    for (const Finding& f :
         judge_agent(seen_in(R"({"version":"0.1.0","resolver":{"problem":null},"links":[])" + keys + "}")))
        out.push_back(fmt::format("{} {}", to_string(f.state), f.code));
    return out;
}

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("doctor: a doubt about a file is reported like one about an endpoint, wherever the file is", "[doctor]") {
    const Told doubt = {"WARN PN-AGENT-DISCOVERY"};
    for (const char* source :
         {"/etc/hosts.d/zones.json", "host DNS: x", "/srv/zones.json", "endpoint ep-1", "target gw"}) {
        INFO(source);
        CHECK(judged(fmt::format(R"(,"warnings":["{}: 10.0.0.2 (h) no longer listed"],"warning_kinds":["discovery"])",
                                 source)) == doubt);
    }
}

TEST_CASE("doctor: the kind of the agent's warning says who tells it", "[doctor]") {
    CHECK(judged("") == Told{"PASS PN-AGENT"});
    CHECK(judged(R"(,"warnings":["endpoint of the disk: full"],"warning_kinds":["agent"])") ==
          Told{"WARN PN-AGENT-WARNING"});
    // Doctor looks at these by itself.
    CHECK(judged(R"(,"warnings":["a","b","c"],"warning_kinds":["host_dns","clock","config"])") ==
          Told{"PASS PN-AGENT"});
}

TEST_CASE("doctor: what an older or newer agent warns of is told under the general code", "[doctor]") {
    const Told two = {"WARN PN-AGENT-WARNING", "WARN PN-AGENT-WARNING"};
    const std::string texts = R"(,"warnings":["host DNS: truce","/etc/hosts.d/zones.json: empty"])";
    CHECK(judged(texts) == two);
    CHECK(judged(texts + R"(,"warning_kinds":["discovery"])") == two);
    CHECK(judged(texts + R"(,"warning_kinds":["unheard","of"])") == two);
    CHECK(judged(texts + R"(,"warning_kinds":"discovery")") == two);
}

TEST_CASE("doctor: what is no status of an agent is another program's answer", "[doctor]") {
    for (const char* body : {"", "<html>", "[]", "{}", R"({"resolver":1})"}) {
        INFO(body);
        CHECK(seen_in(body).problem == kAnotherProgram);
    }
    const AgentSeen seen = seen_in(R"({"version":"1.2","resolver":{"problem":"it is off"}})");
    CHECK(seen.problem.empty());
    CHECK(seen.version == "1.2");
    CHECK(seen.resolver_problem == "it is off");
}

TEST_CASE("doctor: the agent discovers when each link that asks the API has its answer", "[doctor]") {
    Config config;
    config.links.resize(2);
    config.links[0].name = "a";
    config.links[0].endpoints = {"ep-1"};
    config.links[1].name = "b";
    config.links[1].targets = {"gw.example.com"};
    const auto seen = [&](const char* links) {
        return seen_in(fmt::format(R"({{"resolver":{{}},"links":[{}]}})", links), config);
    };
    CHECK(seen(R"({"name":"a","discovery":{"confirmed":"2026-01-02T03:04:05Z","error":null}})").discovers);
    CHECK_FALSE(seen("").discovers);
    CHECK_FALSE(seen(R"({"name":"a","discovery":{"confirmed":null,"error":null}})").discovers);
    const AgentSeen refused =
        seen(R"({"name":"a","discovery":{"confirmed":"2026-01-02T03:04:05Z","error":{"what":"denied"}}})");
    CHECK_FALSE(refused.discovers);
    REQUIRE(refused.doubts.size() == 1);
    CHECK(refused.doubts[0] == std::pair<std::string, std::string>{"a", "denied"});
}

TEST_CASE("doctor: the agent's word on a name that leads to one zone is read with its values", "[doctor]") {
    const AgentSeen seen = seen_in(
        R"({"resolver":{},"warnings":["a: x leads to"],"warning_kinds":["zones"],"links":[{"name":"a","one_zone":)"
        R"({"name":"ep.example","endpoint":"ep-1","zone":"h","others":"i","domains":null,"zone_affinity":true}},)"
        R"({"name":"b","one_zone":null}]})");
    CHECK(seen.warnings.empty());
    CHECK(seen.doubts.empty());
    REQUIRE(seen.one_zone.size() == 1);
    CHECK(seen.one_zone[0].first == "a");
    CHECK(seen.one_zone[0].second.others == "i");
    CHECK(seen.one_zone[0].second.domains.empty());
    CHECK(seen.one_zone[0].second.affinity == true);
}

TEST_CASE("doctor: the connections of applications are those of the agent's status", "[doctor]") {
    const AgentSeen seen = seen_in(R"({"version":"1","resolver":{"problem":null},"links":[
        {"name":"prod","host":"gw.example.com","connections":{"bypass":[{"ip":"203.0.113.9","total":3,"stuck":0,
            "stuck_for_us":null,"without_keepalive":1,"users":[{"uid":7}]}]},
         "addresses":[{"ip":"10.0.1.1","connections":{"total":12,"stuck":9,"stuck_for_us":41000000,
            "without_keepalive":2,"users":[{"uid":1001},{"uid":1002}]}},
          {"ip":"10.0.1.2","connections":{"total":0}},{"ip":"10.0.1.3","connections":null},{"ip":"10.0.1.4"}]},
        {"name":"other","connections":null,"addresses":[{"ip":"10.0.1.5","connections":{"total":-4,"users":7}}]}]})");
    REQUIRE(seen.connections.size() == 2);
    const auto& c = seen.connections[0];
    CHECK((c.link == "prod" && c.host == "gw.example.com" && c.ip == "10.0.1.1" && !c.bypass));
    CHECK((c.total == 12 && c.stuck == 9 && c.without_keepalive == 2 && c.stuck_for_us == 41 * core::kSecond));
    CHECK(c.users == "1001, 1002");
    CHECK((seen.connections[1].bypass && seen.connections[1].ip == "203.0.113.9"));
}

TEST_CASE("doctor: whether the agent's links are the file's, and which databases it reaches", "[doctor]") {
    Config config;
    config.links.resize(1);
    config.links[0].name = "a";
    config.links[0].host = "gw.example.com";
    const auto seen = [&](const char* links) {
        return seen_in(fmt::format(R"({{"resolver":{{}},"links":[{}]}})", links), config);
    };
    const AgentSeen same = seen(
        R"({"name":"a","host":"gw.example.com","addresses":[{"ip":"10.0.0.1","service":"up"},{"ip":"10.0.0.2","service":"down"},)"
        R"({"ip":"10.0.0.3","service":"degraded"},{"ip":"x","service":"up"}]})");
    CHECK_FALSE(same.other_links);
    REQUIRE(same.serves.size() == 2);
    CHECK((same.serves[0].second.text() == "10.0.0.1" && same.serves[1].second.text() == "10.0.0.3"));
    CHECK(seen(R"({"name":"a","host":"old.example.com"})").other_links);
    CHECK(seen(R"({"name":"a","host":"gw.example.com"},{"name":"b","host":"b.example.com"})").other_links);
    CHECK(seen("").other_links);
}

}  // namespace postern::agent::doctor
