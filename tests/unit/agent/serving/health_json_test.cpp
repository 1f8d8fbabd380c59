// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "tests/unit/agent/serving/views_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::Phase;
using probe::Reason;
using probe::State;
using Json = nlohmann::json;

TEST_CASE("health: one object an address; tcp of a refused one fails, what it hides is not said to fail", "[status]") {
    const auto s = mixed();
    const Json json = Json::parse(health_json(s));
    CHECK(json["status"] == "warn");
    CHECK(health_http_status(s) == 200);
    const Json& checks = json["checks"];
    REQUIRE(checks["tdengine-prod:tcp"].size() == 2);
    CHECK(checks["tdengine-prod:tcp"][0]["status"] == "pass");
    CHECK_FALSE(checks["tdengine-prod:tcp"][0].contains("output"));
    CHECK(checks["tdengine-prod:tcp"][1]["status"] == "fail");
    CHECK(checks["tdengine-prod:tcp"][1]["componentId"] == "10.0.2.9");
    CHECK(checks["tdengine-prod:tcp"][1]["output"] == "tcp_refused");
    CHECK(checks["tdengine-prod:tls"][1]["status"] == "warn");
    CHECK(checks["tdengine-prod:tls"][1]["output"] == "not reached: tcp_refused");
    CHECK(checks["tdengine-prod:sql"][0]["status"] == "pass");
    CHECK(checks["tdengine-prod:responseTime"][0]["observedValue"] == 5.0);
    CHECK(checks["tdengine-prod:responseTime"][0]["observedUnit"] == "ms");
    CHECK(checks["tdengine-prod:endpoint"][0]["status"] == "pass");
    CHECK(checks["dns:answers"][0]["observedValue"] == 1);
}

TEST_CASE("health: a wrong token passes tcp and tls, fails sql and is a 503", "[status]") {
    auto s =
        snapshot({link({address("10.0.1.23", "", State::kUp, State::kDown, Reason::kHttpStatus401, Phase::kReply)})});
    judge(s);
    const Json json = Json::parse(health_json(s));
    CHECK(health_http_status(s) == 503);
    CHECK(json["status"] == "fail");
    CHECK(json["checks"]["tdengine-prod:tcp"][0]["status"] == "pass");
    CHECK(json["checks"]["tdengine-prod:tls"][0]["status"] == "pass");
    CHECK(json["checks"]["tdengine-prod:sql"][0]["status"] == "fail");
    CHECK(json["checks"]["tdengine-prod:sql"][0]["output"] == "http_status_401");
}

TEST_CASE("views: a kind is shown for what it asks", "[health]") {
    auto l = link({address("10.0.1.23", "", State::kUp, State::kUp)});
    l.token_configured = false;
    const auto health = [&](probe::Kind kind) {
        l.kind = kind;
        l.asks_service = kind != probe::Kind::kTdengine;
        return health_json(snapshot({l}));
    };
    const auto has = [](const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    };
    CHECK(has(health(probe::Kind::kHttps), "\"tdengine-prod:http\""));
    CHECK(has(health(probe::Kind::kHttps), "\"tdengine-prod:tls\""));
    CHECK_FALSE(has(health(probe::Kind::kHttps), ":sql\""));
    CHECK(has(health(probe::Kind::kTcp), "\"tdengine-prod:tcp\""));
    CHECK_FALSE(has(health(probe::Kind::kTcp), ":tls\""));
    CHECK_FALSE(has(health(probe::Kind::kTcp), ":sql\""));
    CHECK_FALSE(has(status_text(snapshot({l}), false, 0), "token_file"));
    CHECK(has(status_json(snapshot({l})), "\"kind\": \"tcp\""));
}

TEST_CASE("health: the VPC's answer of a name that is only verified is a check of its own", "[status]") {
    auto s = verified();
    const auto check = [&s] {
        judge(s);
        return Json::parse(health_json(s))["checks"]["tdengine-prod:vpcAnswer"][0];
    };
    CHECK(check()["status"] == "pass");
    CHECK(check()["verifyOnly"] == true);
    CHECK(check()["observedValue"] == 1);
    CHECK(Json::parse(health_json(s))["checks"]["tdengine-prod:tcp"].size() == 2);
    s.links[0].addresses[0].verdict.path = State::kDown;
    CHECK(check()["status"] == "fail");
    CHECK(health_http_status(s) == 503);
    s.links[0].vpc_answer->no_name = true;
    judge_vpc_answer(*s.links[0].vpc_answer, s.links[0].discovery);
    CHECK(check()["status"] == "warn");
    CHECK(check()["output"] == "the VPC's DNS has no address for gw-private.cloud.example.com");
    CHECK_FALSE(Json::parse(health_json(mixed()))["checks"].contains("tdengine-prod:vpcAnswer"));
}
