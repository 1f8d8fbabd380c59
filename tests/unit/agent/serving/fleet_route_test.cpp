// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/fleet_route.h"

#include "agent/fleet/fleet_watch.h"
#include "agent/serving/page_fleet.h"
#include "tests/unit/agent/fleet/report_fixture.h"
#include "tests/unit/agent/serving/fake_agent.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using core::kMinute;
using core::kSecond;
using probe::State;

namespace {

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

struct World : StoreWorld {
    Bucket bucket;
    FleetWatch watch{StoreWorld::clock, store};
    FakeAgent agent;
    std::unique_ptr<HttpWork> work;

    World() {
        http.set_script([this](const HttpRequest& r) { return bucket(r); });
        FleetConfig config;
        config.name = "prod";
        config.report_url = "oss://bucket/prod/reports/";
        watch.configure(config);
        agent.served_fleet = {&watch, "prod", kNow};
        std::vector<HostReport> hosts;
        add_hosts(hosts, 20, kZoneH);
        add_hosts(hosts, 10, kZoneI, State::kDown);
        for (const auto& host : hosts)
            bucket.objects[kFolder + "reports/" + report_name(host)] = format_report(host);
    }
    HttpReply get(const std::string& path, const std::string& language = "en") {
        for (const auto& route : fleet_routes(agent)) {
            HttpQuery query;
            query.path = path;
            query.headers = {{"accept-language", language}};
            if (route.path == path) return route.handler(query);
        }
        FAIL("no route");
        return {};
    }
    std::optional<HttpReply> delivered(const HttpReply& reply) {
        std::optional<HttpReply> out;
        REQUIRE(reply.later);
        work = reply.later([&out](HttpReply r) { out = std::move(r); });
        CHECK_FALSE(out);
        StoreWorld::clock.advance(kSecond);
        return out;
    }
};

}  // namespace

TEST_CASE("fleet route: 404 where there is none", "[fleet_route]") {
    World w;
    w.agent.served_fleet = {};
    CHECK(w.get("/fleet").status == 404);
    CHECK(w.get("/api/v1/fleet").status == 404);
}

TEST_CASE("fleet route: the page says that it reads, then shows the fleet", "[fleet_route]") {
    World w;
    const HttpReply first = w.get("/fleet");
    CHECK(first.status == 200);
    CHECK(has(first.body, "The reports are being read"));
    CHECK(has(first.body, "content=\"3\""));
    w.clock.advance(kSecond);
    const HttpReply page = w.get("/fleet");
    CHECK(has(page.body, "is down for all 10 hosts of cn-hangzhou-i"));
    CHECK(has(page.body, "<details>"));
    CHECK(has(page.body, "h-0"));
    CHECK_FALSE(has(page.body, "<script"));
    CHECK_FALSE(has(page.body, "src=\"http"));
    CHECK_FALSE(has(page.body, "href=\"http"));
    CHECK(page.body.find("degraded") < page.body.find("<table"));
    const HttpReply zh = w.get("/fleet", "zh-CN");
    CHECK(has(zh.body, "对 cn-hangzhou-i 的全部 10 台主机均不可达"));
    CHECK_FALSE(has(zh.body, "Hosts"));
    CHECK(w.http.count("list-type") == 1);
}

TEST_CASE("fleet route: JSON waits for the first reading", "[fleet_route]") {
    World w;
    const auto reply = w.delivered(w.get("/api/v1/fleet"));
    REQUIRE(reply);
    CHECK(reply->status == 200);
    CHECK(has(reply->body, "\"PN-FLEET-DOWN-ZONE\""));
    const HttpReply again = w.get("/api/v1/fleet");
    CHECK_FALSE(again.later);
    CHECK(again.status == 200);
}

TEST_CASE("fleet route: who leaves early is told nothing", "[fleet_route]") {
    World w;
    bool told = false;
    const HttpReply reply = w.get("/api/v1/fleet");
    REQUIRE(reply.later);
    auto work = reply.later([&told](HttpReply) { told = true; });
    work.reset();
    w.clock.advance(kMinute);
    CHECK_FALSE(told);
}

TEST_CASE("fleet route: a store that fails is said on the page and in JSON", "[fleet_route]") {
    World w;
    w.http.set_script([](const HttpRequest&) { return reply(403, "<Code>AccessDenied</Code>"); });
    const auto reply = w.delivered(w.get("/api/v1/fleet"));
    REQUIRE(reply);
    CHECK(reply->status == 503);
    CHECK(has(reply->body, "api_denied"));
    const HttpReply page = w.get("/fleet", "zh-CN");
    CHECK(page.status == 200);
    CHECK(has(page.body, "无法读取状态报告"));
    CHECK(has(page.body, "oss:ListObjects"));
}

TEST_CASE("fleet route: names that hosts gave themselves are text", "[fleet_route]") {
    HostReport evil = report_of_host("web-1", kZoneH, State::kDown);
    evil.host = "<script>alert(1)</script>";
    evil.version = "<b>";
    evil.links[0].host = "\"><img>";
    const auto view = judge_fleet(reports_of({evil, evil}), kNow);
    const std::string page = fleet_content(&view, "<fleet>", {}, "en");
    CHECK_FALSE(has(page, "<script>"));
    CHECK_FALSE(has(page, "<img>"));
    CHECK_FALSE(has(page, "<b>"));
    CHECK(has(page, "&lt;script&gt;"));
}

TEST_CASE("fleet route: this host's own report", "[fleet_route]") {
    World w;
    CHECK(w.get("/api/v1/report").status == 503);
    w.agent.report = "{}\n";
    CHECK(w.get("/api/v1/report").body == "{}\n");
}

TEST_CASE("page fleet: a thousand hosts that say different things stay in bounds", "[page_fleet]") {
    std::vector<HostReport> hosts;
    for (int i = 0; i < 1000; ++i) {
        hosts.push_back(report_of_host("web-" + std::to_string(i),
                                       "cn-hangzhou-" + std::string(1, static_cast<char>('a' + i % 20))));
        auto& a = hosts.back().links[0].addresses;
        for (int n = 0; n < 10; ++n)
            a.push_back({*core::IpAddress::parse("10.9." + std::to_string(i % 200) + "." + std::to_string(n)), kZoneH,
                         State::kDown, kNow - core::kHour, ""});
    }
    const auto view = judge_fleet(reports_of(hosts), kNow);
    CHECK(fleet_content(&view, "prod", {}, "en").size() < (6u << 20));
}
