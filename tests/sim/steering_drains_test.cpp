// SPDX-License-Identifier: Apache-2.0
// Drains on a fake clock: the answer moves at once, comes back by itself, and is never without an address that works.
#include <algorithm>

#include "tests/sim/steering_world.h"

using namespace postern;
using namespace postern::agent;
using core::kDay;
using core::kHour;
using core::kMinute;
using core::kSecond;
using probe::Reason;
using World = test::SteeringWorld;

namespace {

constexpr const char *kA = "10.0.1.1", *kB = "10.0.2.1", *kZoneA = "cn-hangzhou-a", *kZoneB = "cn-hangzhou-b";

/// Running, both addresses known to be good.
struct Running : World {
    std::vector<std::string> lines;

    Running() {
        core::capture_log([this](core::Level, std::string_view, const std::string& line) { lines.push_back(line); });
        cloud.set({{kZoneA, kA}, {kZoneB, kB}});
        engine->start(false);
        clock.advance(kMinute);
    }
    std::string refusal(const char* target, core::Micros for_us = kHour) {
        const auto done = engine->drain(target, for_us, "");
        return done ? "" : std::string(to_string(done.error().code)) + ": " + done.error().what;
    }
    bool logged(std::string_view part) const {
        return std::any_of(lines.begin(), lines.end(), [&](const auto& l) { return l.find(part) != l.npos; });
    }
    std::string explain() const { return plans.back().links[0].decision.explain; }
    StatusSnapshot status() const {
        StatusSnapshot s;
        engine->fill_status(s);
        return s;
    }
    /// A new agent with the files of the old one.
    void restart() {
        Snapshot snapshot;
        engine->fill_snapshot(snapshot);
        const std::string verdicts = engine->saved_verdicts();
        const std::vector<Drain> drains = saved_drains;
        make();
        engine->restore(snapshot);
        engine->restore_drains(drains);
        (void)engine->restore_verdicts(verdicts);
        plans.clear();
    }
};

}  // namespace

TEST_CASE("drains: the answer moves at once, and is back by itself when the time is over", "[sim][drains]") {
    for (const char* target : {kA, kZoneA}) {
        Running w;
        REQUIRE(w.engine->drain(target, kHour, "new cable"));
        CHECK(w.answer() == kB);  // without a turn of the clock
        CHECK(w.explain().find("withdrawn: drained") != std::string::npos);
        CHECK(w.logged("drain_began"));
        const auto s = w.status();
        REQUIRE(s.drains.size() == 1);
        CHECK(s.drains[0].target == target);
        CHECK(s.drains[0].until_wall_us == w.clock.wall_us() + kHour);
        CHECK(s.drains[0].reason == "new cable");
        CHECK(s.links[0].addresses[0].drained);
        CHECK_FALSE(s.links[0].addresses[0].answered);
        CHECK_FALSE(s.links[0].addresses[1].drained);
        const auto probes = s.links[0].addresses[0].counters.attempts;
        w.clock.advance(kHour - kSecond);
        CHECK(w.answer() == kB);
        CHECK(w.status().links[0].addresses[0].counters.attempts > probes + 300);  // probed all the time
        CHECK_FALSE(w.logged("drain_ended"));
        w.clock.advance(kSecond);
        CHECK(w.answer() == "10.0.1.1 10.0.2.1");
        CHECK(w.logged("its time is over"));
        CHECK(w.status().drains.empty());
        CHECK(w.saved_drains.empty());
    }
}

TEST_CASE("drains: a drain is prolonged, shortened and taken back", "[sim][drains]") {
    Running w;
    REQUIRE(w.engine->drain(kZoneA, kHour, ""));
    w.clock.advance(30 * kMinute);
    REQUIRE(w.engine->drain(kZoneA, 2 * kHour, ""));
    w.clock.advance(kHour);
    CHECK(w.answer() == kB);
    REQUIRE(w.engine->drain(kZoneA, kMinute, ""));
    w.clock.advance(kMinute);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");

    REQUIRE(w.engine->drain(kA, kHour, ""));
    const auto other = w.engine->undrain(kB);
    REQUIRE_FALSE(other);
    CHECK(other.error().text() == "10.0.2.1 is not drained (what is: 10.0.1.1)");
    CHECK_FALSE(w.engine->undrain("nonsense"));
    CHECK(w.answer() == kB);
    REQUIRE(w.engine->undrain(kA));
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    REQUIRE(w.engine->drain(kA, kHour, ""));
    REQUIRE(w.engine->undrain(""));
    REQUIRE(w.engine->undrain(""));  // nothing is drained: nothing to do
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    CHECK(w.saved_drains.empty());
}

TEST_CASE("drains: the last good address stays, with the reason of each link", "[sim][drains]") {
    Running w;
    CHECK(w.refusal("10.0.9.9") == "usage: no link has the address 10.0.9.9");
    CHECK(w.refusal("cn-hangzhou-z") == "usage: no link has an address in zone cn-hangzhou-z");
    CHECK(w.refusal(kA, kSecond) == "usage: a drain lasts from 1m to 3d");
    CHECK(w.refusal(kA, 4 * kDay) == "usage: a drain lasts from 1m to 3d");
    REQUIRE(w.engine->drain(kA, kHour, ""));
    CHECK(
        w.refusal(kB) ==
        "refused: 10.0.2.1 stays in the answer: prod: no good address would be left: 10.0.1.1 (cn-hangzhou-a) is drained");
    CHECK(w.refusal(kZoneB).find("refused: cn-hangzhou-b stays") == 0);
    CHECK(w.logged("drain_refused"));
    CHECK(w.answer() == kB);
    REQUIRE(w.engine->undrain(""));
    w.prober.set(kB, Reason::kTcpRefused);
    w.clock.advance(kMinute);
    CHECK(w.refusal(kA).find("prod: no good address would be left: 10.0.2.1 (cn-hangzhou-b) is down") !=
          std::string::npos);
    CHECK(w.answer() == kA);
    CHECK(w.status().drains.empty());
}

TEST_CASE("drains: nobody knows a good address before the first probes, or without probes", "[sim][drains]") {
    World w;
    w.cloud.set({{kZoneA, kA}, {kZoneB, kB}});
    w.prober.set_default({Reason::kTcpTimeout, 3 * kSecond});
    w.engine->start(false);
    w.clock.advance(kSecond);
    const auto early = w.engine->drain(kA, kHour, "");
    REQUIRE_FALSE(early);
    CHECK(early.error().what.find("(cn-hangzhou-b) is not probed yet") != std::string::npos);
    Config config = World::config();
    config.links[0].probe.enabled = false;
    w.engine->configure(config);
    const auto never = w.engine->drain(kA, kHour, "");
    REQUIRE_FALSE(never);
    CHECK(never.error().what.find("prod: it is not probed") != std::string::npos);
}

TEST_CASE("drains: when the others go down the drained one is answered again, until they are back", "[sim][drains]") {
    Running w;
    REQUIRE(w.engine->drain(kZoneA, 3 * kHour, ""));
    w.prober.set(kB, Reason::kTcpTimeout);
    w.clock.advance(kMinute);
    CHECK(w.answer() == kA);
    CHECK(w.explain().find("drained but answered because no other works") != std::string::npos);
    CHECK(w.status().links[0].addresses[0].drained);
    CHECK(w.status().links[0].addresses[0].answered);
    w.prober.set_default({Reason::kTcpTimeout});
    w.clock.advance(kMinute);
    CHECK(w.plans.back().links[0].decision.all_down);
    CHECK(w.plans.back().links[0].decision.fresh.size() == 2);  // all down: all are answered
    w.prober.clear();
    w.prober.set_default({Reason::kNone});
    w.clock.advance(kMinute);
    CHECK(w.answer() == kB);
    w.clock.advance(3 * kHour);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
}

TEST_CASE("drains: a drained zone's later addresses are drained, a drained address's are not", "[sim][drains]") {
    Running w;
    REQUIRE(w.engine->drain(kZoneA, kHour, ""));
    w.cloud.set({{kZoneA, "10.0.1.99"}, {kZoneB, kB}});
    w.clock.advance(3 * kMinute);
    CHECK(w.answer() == kB);
    REQUIRE(w.engine->undrain(""));
    REQUIRE(w.engine->drain("10.0.1.99", kHour, ""));
    w.cloud.set({{kZoneA, kA}, {kZoneB, kB}});
    w.clock.advance(3 * kMinute);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
}

TEST_CASE("drains: a restart and a reboot keep a drain, and its end", "[sim][drains]") {
    for (const bool keep_plan : {true, false}) {
        Running w;
        REQUIRE(w.engine->drain(kZoneA, kHour, "why"));
        w.clock.advance(20 * kMinute);
        w.engine->stop();
        w.clock.advance(20 * kMinute);  // longer than verdicts are kept
        w.restart();
        w.engine->start(keep_plan);
        w.clock.advance(20 * kMinute - kSecond);
        REQUIRE_FALSE(w.plans.empty());
        for (const auto& plan : w.plans) {
            REQUIRE(plan.links[0].decision.fresh.size() == 1);
            CHECK(plan.links[0].decision.fresh[0].text() == kB);
        }
        CHECK(w.status().drains.at(0).reason == "why");
        w.clock.advance(2 * kSecond);
        CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    }
}

TEST_CASE("drains: one that ended while the agent was stopped is over, also in the file", "[sim][drains]") {
    Running w;
    REQUIRE(w.engine->drain(kZoneA, kHour, ""));
    w.engine->stop();
    w.clock.advance(2 * kHour);
    w.restart();
    CHECK(w.saved_drains.empty());
    CHECK(w.logged("its time was over before this start"));
    w.engine->start(false);
    w.clock.advance(kMinute);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
}

TEST_CASE("drains: a reload keeps them", "[sim][drains]") {
    Running w;
    REQUIRE(w.engine->drain(kZoneA, kHour, ""));
    Config config = World::config();
    config.links[0].probe.interval_us = 5 * kSecond;
    w.engine->configure(config);
    w.clock.advance(kMinute);
    CHECK(w.answer() == kB);
}
