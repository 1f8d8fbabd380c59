// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "agent/faults/fault_text.h"
#include "agent/status/headline.h"
#include "agent/status/reported.h"
#include "tests/unit/agent/serving/views_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::State;
using Json = nlohmann::json;

TEST_CASE("status json: parses, has its version and the same words as the text", "[status]") {
    auto s = mixed();
    s.links[0].addresses[1].last->detail = "not \xff UTF-8";
    const Json json = Json::parse(status_json(s));
    CHECK(json["schema_version"] == 1);
    CHECK(json["overall"] == "degraded");
    CHECK(json["headline"] == s.headline);
    CHECK(json["headline_link"] == "tdengine-prod");
    CHECK(json["headline_more"] == 0);
    CHECK(json["links"][0]["addresses"][0]["last"]["connect_us"] == 1000);
    CHECK(json["links"][0]["addresses"][1]["last"]["tls_us"].is_null());
    CHECK(json["links"][0]["addresses"][1]["last"]["reason"] == "tcp_refused");
    CHECK(json["links"][0]["answer"] == Json::array({"10.0.1.23"}));
    CHECK(json["resolver"]["plan"]["accepted"] == true);
    CHECK(json["resolver"]["queries"]["private"] == 300);
    CHECK(json["discovery"]["requests"][0]["count"] == 42);
}

TEST_CASE("status json: what is drained, and which addresses that covers", "[status]") {
    auto s = mixed();
    CHECK(Json::parse(status_json(s))["drains"] == Json::array());
    s.drains = {{"cn-hangzhou-h", s.now_wall_us, s.now_wall_us + core::kHour, ""}};
    s.links[0].addresses[0].drained = true;
    const Json json = Json::parse(status_json(s)), drain = json["drains"][0];
    CHECK(drain["target"] == "cn-hangzhou-h");
    CHECK(drain["until"] == "2026-01-02T04:04:05.000000Z");
    CHECK(drain["reason"].is_null());
    CHECK(json["links"][0]["addresses"][0]["drained"] == true);
    CHECK(json["links"][0]["addresses"][1]["drained"] == false);
}

TEST_CASE("status json: each warning has its kind, in the same order", "[status]") {
    auto s = snapshot({link({address("10.0.1.23", "", State::kUp, State::kUp)})});
    CHECK(Json::parse(status_json(s))["warning_kinds"] == Json::array());
    s.reported = {make_fault("PN-CONFIG-WARNING", {}, {}, {{"where", "remark"}}),
                  doubt_about_discovery("/etc/hosts.d/zones.json: empty")};
    judge(s);
    const Json json = Json::parse(status_json(s));
    CHECK(json["warnings"] == Json::array({"remark", "/etc/hosts.d/zones.json: empty"}));
    CHECK(json["warning_kinds"] == Json::array({"config", "discovery"}));
    CHECK(json["headline_link"].is_null());
    CHECK(json["headline"] == "/etc/hosts.d/zones.json: empty");
}

TEST_CASE("status json: each fault has its code, severity, owner, cause and command", "[status]") {
    auto s = mixed();
    s.reported = {make_fault("PN-RESOLV-CHANGED", {}, {}, {{"path", "/etc/resolv.conf"}})};
    s.reported[0].state = doctor::State::kWarn;
    judge(s);
    const Json faults = Json::parse(status_json(s))["faults"];
    REQUIRE(faults.size() == 2);
    CHECK(faults[0]["code"] == "PN-TCP-REFUSED");
    CHECK(faults[0]["severity"] == "warn");  // the other address works
    CHECK(faults[0]["owner"] == "tdengine");
    CHECK(faults[0]["link"] == "tdengine-prod");
    CHECK(faults[0]["ip"] == "10.0.2.9");
    CHECK(faults[0]["cause"] == s.links[0].cause);
    CHECK(faults[0]["next_step"] == s.links[0].fix);
    CHECK(faults[0]["fix"].is_null());
    CHECK(faults[0]["values"]["port"] == "443");
    const auto& chinese = doctor::Catalogue::in(doctor::Language::kChinese);
    CHECK(faults[0]["texts"]["zh"]["cause"] == told(s.faults[0], chinese));
    CHECK(faults[0]["texts"]["zh"]["next_step"] == fix_of(s.faults[0], chinese));
    CHECK(Json::parse(status_json(s))["texts"]["zh"]["headline"] == headline(s, chinese));
    CHECK(faults[1]["link"].is_null());
    CHECK(faults[1]["fix"] == Json::array({"postern", "dns", "reapply"}));
    s.reported = {config_fault({ConfigTrouble::Kind::kLastGood, "f:1: key: x", 2}, "f").value()};
    judge(s);
    const Json named = Json::parse(status_json(s))["faults"][1];
    CHECK(named["cause"] == "the last good configuration is used: f:1: key: x (and 2 more, see the log)");
    CHECK(named["values"]["what"].dump() == R"({"key":"last_good","section":"refused"})");
}

TEST_CASE("status: the finding behind a cause, and the marks of the last results", "[status]") {
    auto s = mixed();
    s.links[0].addresses[0].recent = "++x~";
    const Json link_json = Json::parse(status_json(s))["links"][0];
    CHECK(
        link_json["finding"].dump() ==
        R"({"alike":1,"code":"reason","ip":"10.0.2.9","owner":"TDengine Cloud","reason":"tcp_refused","zone":"cn-hangzhou-i"})");
    CHECK(link_json["addresses"][0]["recent"] == "++x~");
    CHECK(link_json["addresses"][1]["recent"] == "");
    s.links[0].addresses.pop_back();
    judge(s);
    CHECK(Json::parse(status_json(s))["links"][0]["finding"].is_null());
    s.links[0].addresses[0].state = s.links[0].addresses[0].verdict.service = State::kDegraded;
    judge(s);
    CHECK(Json::parse(status_json(s))["links"][0]["finding"]["code"] == "slow");
}

TEST_CASE("status json: a name that is only verified, the sources, and a name that leads to one zone", "[status]") {
    auto s = verified();
    s.links[0].one_zone = OneZone{"h.example", "ep-1", "h", "i", "", true};
    const Json link = Json::parse(status_json(s))["links"][0];
    CHECK(link["verify_only"] == true);
    CHECK(link["answer"] == Json::array());
    CHECK(link["vpc_answer"]["finding"] == "fewer");
    CHECK(link["vpc_answer"]["addresses"] == Json::array({"10.0.1.23"}));
    CHECK(link["vpc_answer"]["missing"] == Json::array({"10.0.2.9"}));
    CHECK(link["vpc_answer"]["error"].is_null());
    CHECK(link["one_zone"]["others"] == "i");
    CHECK(link["one_zone"]["zone_affinity"] == true);
    const Json sources = link["discovery"]["sources"];
    REQUIRE(sources.size() == 2);
    CHECK(sources[0]["source"] == "target:h.example");
    CHECK(sources[0]["addresses"] == Json::array({"10.0.1.23"}));
    CHECK(sources[1]["error"] == "i.example does not exist");
    const Json usual = Json::parse(status_json(mixed()))["links"][0];
    CHECK(usual["verify_only"] == false);
    CHECK(usual["vpc_answer"].is_null());
    CHECK(usual["one_zone"].is_null());
}

TEST_CASE("status json: connections of applications are null while they are not known", "[status]") {
    auto s = mixed();
    Json json = Json::parse(status_json(s));
    CHECK(
        json["connections"].dump() ==
        R"({"complete":false,"error":null,"known":false,"looked":null,"looks_total":0,"scope":"network_namespace","took_us":null})");
    CHECK(json["links"][0]["connections"].is_null());
    CHECK(json["links"][0]["addresses"][0]["connections"].is_null());

    add_connections(connections_report(s.now_wall_us), s);
    json = Json::parse(status_json(s));
    CHECK(json["connections"]["known"] == true);
    CHECK(json["connections"]["looked"] == "2026-01-02T03:04:05.000000Z");
    const Json& seen = json["links"][0]["addresses"][1]["connections"];
    CHECK(seen["total"] == 12);
    CHECK(seen["states"].dump() == R"({"close_wait":0,"closing":0,"connecting":0,"established":12})");
    CHECK(seen["stuck"] == 9);
    CHECK(seen["stuck_for_us"] == 41'000'000);
    CHECK(seen["users"][0]["uid"] == 1001);
    CHECK(json["links"][0]["addresses"][0]["connections"]["total"] == 0);
    CHECK(json["links"][0]["connections"]["bypass"][0]["ip"] == "203.0.113.9");
    CHECK(json["links"][0]["connections"]["bypass"][0]["total"] == 3);
    CHECK(
        json["links"][0]["connections"]["notes"][0].dump() ==
        R"({"at_least":false,"ip":"10.0.2.9","kind":"withdrawn","stuck":9,"stuck_for_us":41000000,"text":"12 connections of uid 1001 still on 10.0.2.9, 9 stuck for 41 s","texts":{"zh":{"text":"uid 1001 仍有 12 个 TCP 连接在 10.0.2.9 上，其中 9 个已卡住 41 秒"}},"total":12,"uid":1001})");
}

TEST_CASE("status: which host it is", "[status]") {
    auto s = mixed();
    CHECK(Json::parse(status_json(s))["host"]["name"].is_null());
    s.host_name = "app-server-1";
    s.instance = "i-bp1example";
    const Json host = Json::parse(status_json(s))["host"];
    CHECK(host["name"] == "app-server-1");
    CHECK(host["instance"] == "i-bp1example");
}
