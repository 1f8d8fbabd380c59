// SPDX-License-Identifier: Apache-2.0
// Drains over HTTP: who may ask, what is passed on, and what comes back.
#include "agent/serving/drain_route.h"

#include "agent/text/json_view.h"
#include "tests/unit/agent/serving/fake_agent.h"
#include "tests/unit/agent/serving/http_fixture.h"
#include "tests/unit/agent/serving/views_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

std::string post(test::HttpFixture& f, const std::string& path, const char* from = "127.0.0.1", bool header = true) {
    return f.ask("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n" +
                     (header ? "X-Postern: 1\r\n" : "") + "\r\n",
                 from);
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string body_of(const std::string& reply) {
    return reply.substr(reply.find("\r\n\r\n") + 4);
}

int status_of(const std::string& reply) {
    return std::stoi(reply.substr(reply.find(' ') + 1));
}

HttpQuery query(std::vector<std::pair<std::string, std::string>> arguments, bool from_this_host = true) {
    HttpQuery out;
    out.arguments = std::move(arguments);
    out.from_this_host = from_this_host;
    return out;
}

}  // namespace

TEST_CASE("drain route: a change is a POST with the header", "[drain_route]") {
    test::FakeAgent agent;
    test::HttpFixture f(agent.routes());
    CHECK(status_of(f.get("/api/v1/drain?target=10.0.1.1&for=1h")) == 405);
    CHECK(status_of(f.get("/api/v1/undrain")) == 405);
    CHECK(status_of(post(f, "/api/v1/drain?target=10.0.1.1&for=1h", "127.0.0.1", false)) == 403);
    CHECK(agent.drain_requests.empty());
    CHECK(status_of(post(f, "/api/v1/drain?target=10.0.1.1&for=1h&reason=new%20cable%20%26c", "127.0.0.5")) == 200);
    CHECK(status_of(post(f, "/api/v1/undrain?target=cn-hangzhou-h")) == 200);
    CHECK(status_of(post(f, "/api/v1/undrain")) == 200);
    CHECK(status_of(post(f, "/api/v1/drain?target=10.0.1.1&for=1h&free=1")) == 200);
    CHECK(agent.drain_requests ==
          "drain 10.0.1.1 3600 new cable &c\nundrain cn-hangzhou-h\nundrain \ndrain 10.0.1.1 3600  free\n");
}

TEST_CASE("drain route: other hosts see what is drained, and change nothing", "[drain_route]") {
    test::FakeAgent agent;
    for (const auto& route : drain_routes(agent)) {
        const auto reply = route.handler(query({{"target", "10.0.1.1"}, {"for", "1h"}}, false));
        CHECK(reply.status == (route.method == "GET" ? 200 : 403));
    }
    CHECK(agent.drain_requests.empty());
}

TEST_CASE("drain route: what is malformed or refused says so, in JSON", "[drain_route]") {
    test::FakeAgent agent;
    test::HttpFixture f(agent.routes());
    for (const char* wrong : {"", "?target=", "?target=10.0.1.1", "?target=10.0.1.1&for=", "?target=10.0.1.1&for=3600",
                              "?target=10.0.1.1&for=-1h", "?for=1h"}) {
        const auto reply = post(f, std::string("/api/v1/drain") + wrong);
        INFO(wrong);
        CHECK(status_of(reply) == 400);
        CHECK(has(reply, "\"code\":\"usage\""));
    }
    CHECK(agent.drain_requests.empty());
    agent.outcome = core::fail(core::Code::kUsage, "no link has \"it\"", "look");
    CHECK(status_of(post(f, "/api/v1/undrain?target=x")) == 400);
    agent.outcome = core::fail(core::Code::kRefused, "the last one", "wait");
    const auto reply = post(f, "/api/v1/drain?target=10.0.1.1&for=1h&view=text");
    CHECK(status_of(reply) == 409);
    const auto json = JsonView::parse(body_of(reply));
    REQUIRE(json);
    CHECK(json->at("error").at("code").text() == "refused");
    CHECK(json->at("error").at("what").text() == "the last one");
    CHECK(json->at("error").at("hint").text() == "wait");
}

TEST_CASE("drain route: what is drained, until when, and what it does", "[drain_route]") {
    test::FakeAgent agent;
    test::HttpFixture f(agent.routes());
    CHECK(body_of(f.get("/api/v1/drains?view=text")) == "nothing is drained\n");
    agent.status = test::mixed();
    const core::Micros now = agent.status.now_wall_us;
    agent.status.drains = {{"cn-hangzhou-h", now - core::kMinute, now + 43 * core::kMinute, "new \"cable\""},
                           {"10.0.2.9", now, now + core::kHour, ""}};
    agent.status.links[0].addresses[0].answered = false;
    agent.status.links[0].addresses[1].answered = true;
    const std::string text = body_of(f.get("/api/v1/drains?view=text"));
    CHECK(has(text, "cn-hangzhou-h until " + core::format_time(now + 43 * core::kMinute) +
                        ", for 43m more: new \"cable\"\n"));
    CHECK(has(text, "  10.0.1.23  tdengine-prod  up        out of the answer\n"));
    CHECK(has(text, "  10.0.2.9   tdengine-prod  down      answered all the same: no other address works\n"));
    const auto json = JsonView::parse(body_of(f.get("/api/v1/drains")));
    REQUIRE(json);
    CHECK(json->at("schema_version").integer() == 1);
    const auto drains = json->at("drains").items();
    REQUIRE(drains.size() == 2);
    CHECK(drains[0].at("target").text() == "cn-hangzhou-h");
    CHECK(drains[0].at("until").text() == core::format_utc(now + 43 * core::kMinute));
    CHECK(drains[0].at("reason").text() == "new \"cable\"");
    CHECK(drains[1].at("reason").is_null());
    CHECK(drains[1].at("addresses").items().at(0).at("answered").boolean() == true);
}
