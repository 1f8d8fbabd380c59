// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/agent_status.h"

#include <fmt/format.h>

#include "agent/doctor/judge.h"
#include "agent/faults/catalogue.h"
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

TEST_CASE("doctor: the agent's faults are told under their codes, those that doctor looks at itself are not",
          "[doctor]") {
    const auto fault = [](const char* code, const char* severity = "warn") {
        return fmt::format(R"({{"code":"{}","severity":"{}","link":null,"ip":null,"cause":"x","values":{{}}}})", code,
                           severity);
    };
    const auto faults = [&](std::vector<std::string> list) {
        return judged(fmt::format(R"(,"faults":[{}])", fmt::join(list, ",")));
    };
    CHECK(judged(R"(,"faults":[])") == Told{"PASS PN-AGENT"});
    CHECK(faults({fault("PN-AGENT-WARNING"), fault("PN-AGENT-RESOLVER", "fail")}) ==
          Told{"WARN PN-AGENT-WARNING", "FAIL PN-AGENT-RESOLVER"});
    CHECK(faults({fault("PN-CONFIG-OLDER"), fault("PN-AGENT-DISCOVERY"), fault("PN-APP-FREEING"),
                  fault("PN-API-CLOCK")}) ==
          Told{"WARN PN-CONFIG-OLDER", "WARN PN-AGENT-DISCOVERY", "WARN PN-APP-FREEING", "WARN PN-API-CLOCK"});
    CHECK(faults({fault("PN-RESOLV-TRUCE"), fault("PN-CONFIG-WARNING"), fault("PN-TCP-REFUSED", "fail"),
                  fault("PN-HOSTS-SHADOW"), fault("PN-ENDPOINT-AFFINITY")}) == Told{"PASS PN-AGENT"});
    CHECK(faults({fault("PN-OF-TOMORROW", "fail")}) == Told{"FAIL PN-AGENT-WARNING"});
}

TEST_CASE("doctor: the values of the agent's faults are filled in, texts of the catalogue in its own language",
          "[doctor]") {
    const AgentSeen seen = seen_in(R"({"resolver":{},"faults":[{"code":"PN-CONFIG-REFUSED","severity":"warn",
        "values":{"what":{"section":"refused","key":"last_good"},"problem":"f:1: x","file":"f"}}]})");
    REQUIRE(seen.faults.size() == 1);
    CHECK(Catalogue::in(Language::kEnglish).of("PN-CONFIG-REFUSED", "cause", seen.faults[0].values) ==
          "the last good configuration is used: f:1: x");
    CHECK(Catalogue::in(Language::kChinese).of("PN-CONFIG-REFUSED", "cause", seen.faults[0].values) ==
          "使用最近一次正确的配置：f:1: x");
}

TEST_CASE("doctor: what an agent older than faults warns of is told under the general code", "[doctor]") {
    CHECK(judged("") == Told{"PASS PN-AGENT"});
    CHECK(judged(R"(,"warnings":["host DNS: truce","/etc/hosts.d/zones.json: empty"])") ==
          Told{"WARN PN-AGENT-WARNING", "WARN PN-AGENT-WARNING"});
    CHECK(judged(R"(,"warnings":["x"],"faults":[])") == Told{"PASS PN-AGENT"});
}

TEST_CASE("doctor: what is no status of an agent is another program's answer", "[doctor]") {
    for (const char* body : {"", "<html>", "[]", "{}", R"({"resolver":1})"}) {
        INFO(body);
        CHECK(seen_in(body).problem == kAnotherProgram);
    }
    const AgentSeen seen = seen_in(R"({"version":"1.2","resolver":{"problem":"it is off"}})");
    CHECK(seen.problem.empty());
    CHECK(seen.version == "1.2");
    REQUIRE(seen.faults.size() == 1);
    CHECK(seen.faults[0].code == "PN-AGENT-RESOLVER");
    CHECK(seen.faults[0].values.at("problem") == "it is off");
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
    REQUIRE(refused.faults.size() == 1);
    CHECK(refused.faults[0].code == "PN-AGENT-DISCOVERY");
    CHECK(refused.faults[0].link == "a");
    CHECK(refused.faults[0].values.at("problem") == "denied");
}

TEST_CASE("doctor: the agent's word on a name that leads to one zone is read with its values", "[doctor]") {
    const AgentSeen seen = seen_in(
        R"({"resolver":{},"faults":[{"code":"PN-ENDPOINT-AFFINITY","link":"a"}],"links":[{"name":"a","one_zone":)"
        R"({"name":"ep.example","endpoint":"ep-1","zone":"h","others":"i","domains":null,"zone_affinity":true}},)"
        R"({"name":"b","one_zone":null}]})");
    CHECK(seen.faults.empty());
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

TEST_CASE("doctor: an error that the agent tells as structure is told in the reader's language", "[doctor]") {
    const AgentSeen seen = seen_in(R"({"resolver":{},"faults":[{"code":"PN-AGENT-DISCOVERY","severity":"warn",
        "values":{"problem":"cannot connect to a.example:443: Connection refused",
                  "told":{"section":"discovery","key":"doubt"}},
        "messages":{"problem":{"form":"{}: {}","values":[{"form":"cannot connect to {}","values":["a.example:443"]},
                                                         "Connection refused"]}}}]})");
    REQUIRE(seen.faults.size() == 1);
    CHECK(Catalogue::in(Language::kEnglish).value(seen.faults[0].values, "problem") ==
          "cannot connect to a.example:443: Connection refused");
    CHECK(Catalogue::in(Language::kChinese).value(seen.faults[0].values, "problem") ==
          "无法连接 a.example:443：Connection refused");
}

}  // namespace postern::agent::doctor
