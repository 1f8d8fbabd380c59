// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "tests/unit/agent/serving/fake_agent.h"
#include "tests/unit/agent/serving/http_fixture.h"
#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::State;

namespace {

struct Agent : FakeAgent {
    probe::RecordFilter asked;
    std::size_t limit = 0;
    std::vector<probe::Rollup> minutes, hours;

    Agent() {
        status = test::snapshot({link({address("10.0.1.23", "cn-hangzhou-h", State::kUp, State::kUp)})});
        judge(status);
    }
    std::vector<probe::Record> records(const probe::RecordFilter& filter, std::size_t n) override {
        asked = filter;
        limit = n;
        std::vector<probe::Record> two(std::min<std::size_t>(n, 2));
        if (two.size() == 2) two[1].wall_us = 1767323045LL * core::kSecond;  // ended first, began last
        return two;
    }
    std::optional<std::vector<probe::Rollup>> history(const std::string& name, const core::IpAddress& ip,
                                                      probe::Resolution resolution, Micros since) override {
        asked.link = name;
        asked.ip = ip;
        asked.since_wall_us = since;
        std::optional<std::vector<probe::Rollup>> out;
        if (name == "tdengine-prod") out.emplace(resolution == probe::Resolution::kHour ? hours : minutes);
        return out;
    }
};

}  // namespace

TEST_CASE("routes: livez and readyz have the form of Kubernetes", "[http]") {
    Agent served;
    HttpFixture f(served.routes());
    CHECK(body_of(f.get("/livez")) == "ok");
    CHECK(body_of(f.get("/livez?verbose")) == "[+]loop ok\n[+]schedule ok\nlivez check passed\n");
    CHECK(status_of(f.get("/livez/loop")) == 200);
    CHECK(status_of(f.get("/livez/nonsense")) == 404);
    served.checks[1].ok = false;
    const auto dead = f.get("/livez");
    CHECK(status_of(dead) == 500);
    CHECK(has(dead, "[-]schedule failed: stands still"));
    CHECK(status_of(f.get("/livez?exclude=schedule")) == 200);
    CHECK(status_of(f.get("/readyz")) == 200);
    served.status.resolver.accepted = false;
    CHECK(status_of(f.get("/readyz")) == 503);
    CHECK(status_of(f.get("/readyz/plan")) == 503);
    CHECK(status_of(f.get("/readyz?exclude=plan")) == 200);
}

TEST_CASE("routes: every page comes with its content type", "[http]") {
    Agent served;
    HttpFixture f(served.routes());
    CHECK(has(f.get("/health"), "Content-Type: application/health+json"));
    CHECK(has(f.get("/health"), "Cache-Control: max-age="));
    CHECK(has(f.get("/metrics"), "Content-Type: text/plain; version=0.0.4"));
    CHECK(has(f.get("/api/v1/status"), "Content-Type: application/json"));
    CHECK(has(f.get("/api/v1/status"), "X-Postern-Overall: 0"));
    CHECK(has(f.get("/api/v1/status?view=text"), "GOOD"));
    CHECK(has(f.get("/"), "Content-Type: text/html"));
}

TEST_CASE("routes: probe records are filtered by valid arguments only", "[http]") {
    Agent served;
    HttpFixture f(served.routes());
    CHECK(
        status_of(f.get(
            "/api/v1/probes?link=a&ip=10.0.1.23&state=down&reason=tcp_timeout&since=1h&limit=7&until=2026-01-02T03:04:05Z")) ==
        200);
    CHECK(served.asked.link == "a");
    CHECK(served.asked.ip->text() == "10.0.1.23");
    CHECK(served.asked.state == State::kDown);
    CHECK(served.asked.reason == probe::Reason::kTcpTimeout);
    CHECK(served.limit == 7);
    CHECK(served.asked.until_wall_us == 1767323045LL * core::kSecond);
    const auto all = f.get("/api/v1/probes");
    CHECK(has(all, "\"schema_version\":1"));
    CHECK(served.limit == 100);
    CHECK(all.find("2026-01-02T03:04:05") < all.find("1970-01-01T"));  // newest first
    for (const char* bad : {"limit=-1", "limit=0", "limit=99999999999999999999", "ip=nonsense", "since=yesterday",
                            "until=soon", "state=dead", "reason=none"}) {
        INFO(bad);
        CHECK(status_of(f.get(std::string("/api/v1/probes?") + bad)) == 400);
    }
}

TEST_CASE("routes: the history is columns of equal length", "[http]") {
    Agent served;
    probe::Rollup a;
    a.start_wall_us = 1767323040LL * core::kSecond;
    a.attempts = 6;
    a.series[probe::kTotal] = probe::Spread{4000, 4300, 5000, 5000, 5100};
    a.series[0] = probe::Spread{400, 412, 500, 500, 501};
    probe::Rollup b;
    b.start_wall_us = a.start_wall_us + core::kMinute;
    b.attempts = 5;
    b.failures = 3;
    b.reasons[0] = {probe::Reason::kTcpTimeout, 2};
    b.reasons[1] = {probe::Reason::kTcpRefused, 1};
    served.minutes = {a, b};
    HttpFixture f(served.routes());
    const auto reply = f.get("/api/v1/history?link=tdengine-prod&ip=10.0.1.23");
    CHECK(status_of(reply) == 200);
    const auto json = nlohmann::json::parse(body_of(reply));
    CHECK(json["schema_version"] == 1);
    CHECK(json["resolution"] == "minute");
    CHECK(json["period_s"] == 60);
    CHECK(json["start"].dump() == "[1767323040,1767323100]");
    CHECK(json["attempts"].dump() == "[6,5]");
    CHECK(json["failures"].dump() == "[0,3]");
    CHECK(json["reasons"].dump() == R"({"tcp_refused":[0,1],"tcp_timeout":[0,2]})");
    CHECK(json["total_us"]["p95"].dump() == "[5000,null]");
    CHECK(json["connect_us"]["min"].dump() == "[400,null]");
    CHECK(json["tls_us"]["max"].dump() == "[null,null]");
    CHECK(served.asked.since_wall_us == 0);

    const auto hours =
        f.get("/api/v1/history?link=tdengine-prod&ip=2408::1&resolution=hour&since=2026-01-02T03:04:05Z");
    CHECK(nlohmann::json::parse(body_of(hours))["start"].empty());
    CHECK(served.asked.ip->text() == "2408::1");
    CHECK(served.asked.since_wall_us == 1767323045LL * core::kSecond);
    CHECK(status_of(f.get("/api/v1/history?link=other&ip=10.0.1.23")) == 404);
    for (const char* bad :
         {"", "link=tdengine-prod", "ip=10.0.1.23", "link=tdengine-prod&ip=x",
          "link=tdengine-prod&ip=10.0.1.23&resolution=day", "link=tdengine-prod&ip=10.0.1.23&since=soon"}) {
        INFO(bad);
        CHECK(status_of(f.get(std::string("/api/v1/history?") + bad)) == 400);
    }
}

TEST_CASE("routes: incidents, of all addresses, of a link, of one address", "[http]") {
    Agent served;
    auto& a = served.status.links[0].addresses[0];
    a.incidents = {{1767323045LL * core::kSecond, 1767323105LL * core::kSecond, 7, {probe::Reason::kTcpTimeout}, true}};
    HttpFixture f(served.routes());
    const auto reply = f.get("/api/v1/incidents");
    CHECK(status_of(reply) == 200);
    const auto json = nlohmann::json::parse(body_of(reply));
    CHECK(json["schema_version"] == 1);
    CHECK(json["total"] == 1);
    CHECK(
        json["incidents"][0].dump() ==
        R"({"addresses":1,"began":"2026-01-02T03:04:05.000000Z","failures":7,"ips":[")" + a.ip.text() +
            R"("],"last":"2026-01-02T03:05:05.000000Z","link":"tdengine-prod","open":true,"reasons":["tcp_timeout"]})");
    CHECK(nlohmann::json::parse(body_of(f.get("/api/v1/incidents?link=other")))["total"] == 0);
    CHECK(nlohmann::json::parse(body_of(f.get("/api/v1/incidents?link=tdengine-prod&ip=" + a.ip.text())))["total"] ==
          1);
    for (const char* bad : {"ip=x", "limit=0", "limit=1001", "limit=9x"}) {
        INFO(bad);
        CHECK(status_of(f.get(std::string("/api/v1/incidents?") + bad)) == 400);
    }
    CHECK(status_of(f.get("/plain?range=hour&link=tdengine-prod&ip=10.0.1.23")) == 200);
    CHECK(status_of(f.get("/plain?range=year")) == 400);
}

TEST_CASE("routes: refresh is a POST that no page can forge", "[http]") {
    Agent served;
    HttpFixture f(served.routes());
    CHECK(status_of(f.get("/api/v1/refresh")) == 405);
    CHECK(status_of(f.ask("POST /api/v1/refresh HTTP/1.1\r\nHost: localhost\r\nConnection: "
                          "close\r\nContent-Length: 0\r\n\r\n")) == 403);
    CHECK(served.refreshes == 0);
    const auto done = f.ask(
        "POST /api/v1/refresh HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: "
        "0\r\nX-Postern: 1\r\n\r\n");
    CHECK(status_of(done) == 202);
    CHECK(has(done, "\"started\":\"20"));
    CHECK(served.refreshes == 1);
}

TEST_CASE("routes: connections are shown, and looked at by a POST that no page can forge", "[http]") {
    Agent served;
    HttpFixture f(served.routes());
    const auto shown = f.get("/api/v1/connections");
    CHECK(status_of(shown) == 200);
    CHECK(has(shown, "X-Postern-Overall: 3"));  // nothing is known
    CHECK(has(shown, "\"known\": false"));
    CHECK(has(f.get("/api/v1/connections?view=text"), "not known yet"));
    CHECK(status_of(f.get("/api/v1/connections/look")) == 405);
    const std::string rest = " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n";
    CHECK(status_of(f.ask("POST /api/v1/connections/look" + rest + "\r\n")) == 403);
    CHECK(served.looks == 0);
    CHECK(status_of(f.ask("POST /api/v1/connections/look" + rest + "X-Postern: 1\r\n\r\n")) == 202);
    CHECK(served.looks == 1);
}
