// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/fleet_watch.h"
#include "tests/unit/agent/fleet/report_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using core::kMinute;
using core::kSecond;

namespace {

struct World : StoreWorld {
    Bucket bucket;
    bool down = false;
    FleetWatch watch{clock, store};
    FleetConfig config;

    World() {
        http.set_script([this](const HttpRequest& r) -> core::Result<HttpResponse> {
            if (down) return reply(503, "");
            return bucket(r);
        });
        config.name = "prod";
        config.report_url = "oss://bucket/prod/reports/";
        const auto report = report_of_host("web-1", kZoneH);
        bucket.objects[kFolder + "reports/" + report_name(report)] = format_report(report);
    }
};

}  // namespace

TEST_CASE("fleet watch: reads when somebody looks, at most every 30 seconds", "[fleet_watch]") {
    World w;
    w.watch.look();
    CHECK(w.http.requests.empty());  // not configured
    w.watch.configure(w.config);
    w.clock.advance(kMinute);
    CHECK(w.http.requests.empty());  // nobody looks
    int told = 0;
    const auto alive = std::make_shared<bool>(true);
    w.watch.look();
    CHECK(w.watch.waits());
    w.watch.when_read(alive, [&told] { ++told; });
    {
        const auto gone = std::make_shared<bool>(true);
        w.watch.when_read(gone, [&told] { told += 100; });
    }
    w.clock.advance(kSecond);
    CHECK(told == 1);
    REQUIRE(w.watch.reports());
    CHECK(w.watch.reports()->reports.size() == 1);
    for (int i = 0; i < 1000; ++i)
        w.watch.look();
    w.clock.advance(kSecond);
    CHECK(w.http.count("list-type") == 1);
    w.clock.advance(30 * kSecond);
    w.watch.look();
    CHECK_FALSE(w.watch.waits());  // what was read last is there meanwhile
    w.clock.advance(kSecond);
    CHECK(w.http.count("list-type") == 2);
}

TEST_CASE("fleet watch: a store that fails leaves what was read, and is said", "[fleet_watch]") {
    World w;
    w.watch.configure(w.config);
    w.watch.look();
    w.clock.advance(kMinute);
    w.down = true;
    w.watch.look();
    w.clock.advance(kSecond);
    CHECK(w.watch.problem());
    CHECK(w.watch.reports());
    w.down = false;
    w.clock.advance(kMinute);
    w.watch.look();
    w.clock.advance(kSecond);
    CHECK_FALSE(w.watch.problem());
}

TEST_CASE("fleet watch: reports that nobody looks at are let go", "[fleet_watch]") {
    World w;
    w.watch.configure(w.config);
    w.watch.look();
    w.clock.advance(kSecond);
    CHECK(w.watch.reports());
    w.clock.advance(FleetWatch::kKept);
    CHECK_FALSE(w.watch.reports());
}

TEST_CASE("fleet watch: another place begins anew, also while the old one is read", "[fleet_watch]") {
    World w;
    w.watch.configure(w.config);
    w.watch.look();
    w.config.report_url = "oss://bucket/other/";
    w.watch.configure(w.config);
    w.clock.advance(kSecond);
    CHECK_FALSE(w.watch.reports());
    w.watch.look();
    w.clock.advance(kSecond);
    REQUIRE(w.watch.reports());
    CHECK(w.watch.reports()->place == "oss://bucket/other/");
    w.config.report_url = "";
    w.watch.configure(w.config);
    CHECK_FALSE(w.watch.configured());
}
