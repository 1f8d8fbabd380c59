// SPDX-License-Identifier: Apache-2.0
// When sources are polled: intervals, refresh, throttling, slots, on fake time.
#include "tests/sim/sync_world.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

TEST_CASE("sync: failures back off, and another error is reported at once", "[sync]") {
    World w;
    w.cloud.errors["*"] = error(Code::kApiUnavailable, "HTTP 503");
    w.begin({on("a", {"ep-1"})});
    CHECK_FALSE(w.sync->status("a").known);
    CHECK(w.sync->status("a").source == "none");
    w.clock.advance(kMinute);
    CHECK(w.cloud.total() >= 4);
    CHECK(w.cloud.total() <= 8);
    w.clock.advance(kHour);
    CHECK(w.cloud.total() <= 30);
    CHECK(w.count("discovery_failed") <= 2);
    w.cloud.errors["*"] = error(Code::kTlsFailed, "certificate");
    w.clock.advance(6 * kMinute);
    CHECK(w.log.back().find("certificate") != std::string::npos);
    w.cloud.errors.clear();
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.clock.advance(6 * kMinute);
    CHECK(w.served("a") == "10.0.0.1 (h)");
}

TEST_CASE("sync: a hundred endpoints start four at a time, and spread", "[sync]") {
    World w;
    std::vector<LinkConfig> links;
    for (int i = 0; i < 100; ++i) {
        const std::string id = "ep-" + std::to_string(i);
        w.cloud.put(id, {{"h", "10.0." + std::to_string(i) + ".1"}});
        for (int k = 0; k < 10; ++k)
            links.push_back(on("link-" + std::to_string(i) + "-" + std::to_string(k), {id}));
    }
    w.begin(links);
    CHECK(w.cloud.total() == 100);
    CHECK(w.cloud.most == 4);
    CHECK(w.changes.size() == 1000);
    w.clock.advance(kHour);
    CHECK(w.cloud.total() > 1700);
    CHECK(w.cloud.total() < 2400);
    CHECK(w.cloud.most <= 4);
}

TEST_CASE("sync: refresh asks now, is done when all have answered, and can't be used to hammer", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    w.clock.advance(5 * kSecond);
    w.cloud.put("ep-1", {{"h", "10.0.0.2"}});
    int done = 0;
    w.sync->refresh([&] {
        ++done;
        CHECK(w.served("a") == "10.0.0.2 (h)");
    });
    CHECK(done == 0);
    w.clock.advance(kSecond);
    CHECK(done == 1);
    const int polls = w.cloud.total();
    for (int i = 0; i < 100; ++i)
        w.sync->refresh([&] { ++done; });
    w.clock.advance(100 * core::kMillisecond);
    CHECK(done == 1);
    CHECK(w.cloud.total() == polls);
    w.cloud.put("ep-1", {{"h", "10.0.0.3"}});
    w.clock.advance(kSecond);
    CHECK(done == 101);  // one more round for all of them
    CHECK(w.served("a") == "10.0.0.3 (h)");
    CHECK(w.cloud.total() == polls + 1);
    CHECK(w.sync->status("a").asked_wall_us >= w.sync->status("a").confirmed_wall_us);
    w.cloud.put("ep-1", {});
    w.clock.advance(2 * kSecond);
    const Micros before = w.clock.wall_us();
    w.sync->refresh({});
    w.clock.advance(kSecond);
    CHECK(w.cloud.total() == polls + 2);
    CHECK(w.sync->status("a").confirmed_wall_us < before);  // not believed
    CHECK(w.sync->status("a").asked_wall_us >= before);
    World none;
    none.begin({});
    none.sync->refresh([&] { ++done; });
    none.clock.advance(kSecond);
    CHECK(done == 102);
}

TEST_CASE("sync: throttling pauses everyone, then each refusal stretches the interval up to the longest", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    w.cloud.errors["*"] = error(Code::kApiThrottled, "Throttling.User");
    w.cloud.not_before = w.clock.mono_us() + 20 * kMinute;
    w.clock.advance(2 * kMinute);
    const int polls = w.cloud.total();
    w.clock.advance(17 * kMinute);
    CHECK(w.cloud.total() == polls);
    w.clock.advance(4 * kHour);
    const int throttled = w.cloud.total() - polls;
    CHECK(throttled >= 4 * 60 / 5);  // poll_max_interval apart at most
    CHECK(throttled <= 110);
    w.cloud.errors.clear();
    w.clock.advance(12 * kHour);
    const int calm = w.cloud.total();
    w.clock.advance(kHour);
    CHECK(w.cloud.total() - calm >= 12);
    CHECK(w.served("a") == "10.0.0.1 (h)");
}

TEST_CASE("sync: while nothing changes the interval grows to poll_max_interval, a doubt brings it back", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    w.clock.advance(10 * kHour);
    int before = w.cloud.total();
    w.clock.advance(kHour);
    CHECK(w.cloud.total() - before <= 14);
    CHECK(w.cloud.total() - before >= 10);
    // A probe fails: asked within half a minute, once, and more often for some minutes.
    before = w.cloud.total();
    for (int i = 0; i < 100; ++i)
        w.sync->probe_failed("a");
    w.sync->probe_failed("nobody");
    w.clock.advance(kMinute);
    CHECK(w.cloud.total() - before >= 1);
    CHECK(w.cloud.total() - before <= 2);
    before = w.cloud.total();
    for (int i = 0; i < 600; ++i) {
        w.sync->probe_failed("a");
        w.clock.advance(100 * core::kMillisecond);
    }
    CHECK(w.cloud.total() - before <= 2);
    w.clock.advance(4 * kMinute);
    CHECK(w.cloud.total() - before >= 4);
}

TEST_CASE("sync: a provider that answers inside the call, and one that never answers", "[sync]") {
    World w;
    w.cloud.at_once = true;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    CHECK(w.served("a") == "10.0.0.1 (h)");
    w.clock.advance(kHour);
    CHECK(w.cloud.total() >= 15);
    World mute;
    mute.cloud.silent = true;
    mute.begin({on("a", {"ep-1"})});
    mute.clock.advance(kHour);
    CHECK(mute.cloud.total() == 1);
    mute.sync->stop();
    mute.sync.reset();
    mute.clock.advance(kHour);
}
