// SPDX-License-Identifier: Apache-2.0
// Addresses that are added to others that are good: when they are answered, and who is told.
#include "tests/sim/steering_world.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kMinute;
using core::kSecond;
using probe::Reason;
using World = test::SteeringWorld;

TEST_CASE("agent: a new address waits for its first success, a minute at most", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    const auto add = [&w](const char* ip) {
        w.cloud.set({{"zone-a", "10.0.1.1"}, {"zone-b", "10.0.2.1"}, {"zone-c", ip}});
        w.engine->refresh([] {});
    };
    w.prober.set("10.0.3.1", {Reason::kTcpTimeout, kSecond});
    add("10.0.3.1");
    for (int second = 0; second < 90; ++second) {  // it fails, and is known to be down by then
        w.clock.advance(kSecond);
        CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    }
    w.prober.clear();
    w.clock.advance(kMinute);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1 10.0.3.1");
}

TEST_CASE("agent: a new address that no probe has judged is answered after a minute, which is told", "[sim]") {
    World w;
    std::vector<std::string> changes;
    core::capture_log([&](core::Level, std::string_view event, const std::string& line) {
        if (event == "answer_changed") changes.push_back(line);
    });
    w.engine->start(false);
    w.clock.advance(kMinute);
    w.prober.set("10.0.3.1", {Reason::kNone, 10 * kMinute});
    w.cloud.set({{"zone-a", "10.0.1.1"}, {"zone-b", "10.0.2.1"}, {"zone-c", "10.0.3.1"}});
    w.engine->refresh([] {});
    w.clock.advance(50 * kSecond);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    changes.clear();
    w.clock.advance(15 * kSecond);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1 10.0.3.1");
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].find("10.0.3.1") != std::string::npos);
}

TEST_CASE("agent: where the new address was judged in time, the end of its minute publishes nothing", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    w.cloud.set({{"zone-a", "10.0.1.1"}, {"zone-b", "10.0.2.1"}, {"zone-c", "10.0.3.1"}});
    w.engine->refresh([] {});
    w.clock.advance(5 * kSecond);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1 10.0.3.1");
    const std::size_t plans = w.plans.size();
    w.clock.advance(kMinute);
    CHECK(w.plans.size() == plans);
}
