// SPDX-License-Identifier: Apache-2.0
// The schedule on a fake clock: hours and days in milliseconds. Drift, spread, missed points, fast pace,
// black-holed targets, suspends.
#include <algorithm>
#include <cmath>
#include <set>

#include <malloc.h>

#include "core/random.h"
#include "probe/scheduler.h"
#include "probe/verdict.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/fake_prober.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;
using postern::core::kDay;
using postern::core::kHour;
using postern::core::kMillisecond;
using postern::core::kMinute;
using postern::core::kSecond;

namespace {

struct World {
    test::FakeClock clock;
    core::SeededRandom random{42};
    test::FakeProber prober{clock};
    VerdictBook book{clock};
    Scheduler scheduler;
    std::vector<std::pair<core::Micros, Verdict>> changes;
    std::shared_ptr<ProbeSpec> spec = std::make_shared<ProbeSpec>();
    VerdictRule rule;

    explicit World(SchedulerLimits limits = {})
        : scheduler(
              clock, random, prober,
              [this](const ProbeResult& r) {
                  const Fold fold = book.fold(r);
                  if (fold.changed()) changes.emplace_back(clock.mono_us(), fold.after);
                  return fold.pace;
              },
              limits) {}

    static core::IpAddress ip(int i) { return core::IpAddress::v4(0x0a000000u + static_cast<std::uint32_t>(i)); }
    void targets(int count, int from = 0) {
        std::vector<ScheduledTarget> list;
        for (int i = from; i < from + count; ++i)
            list.push_back({{"link", ip(i), "", "", spec}, rule});
        book.set_targets(list);
        scheduler.set_targets(list);
    }
    void hang(int i, Reason reason) { prober.set(ip(i), {reason, 0, true}); }
};

}  // namespace

TEST_CASE("schedule: the first probes start within 250 ms, then one per interval without drift for a day",
          "[schedule]") {
    World w;
    w.targets(3);
    w.clock.advance(260 * kMillisecond);
    CHECK(w.prober.count() == 3);
    const core::Micros began = w.clock.mono_us();
    w.clock.advance(kDay);
    // 8640 grid points each; the first may fall right after the first probe.
    CHECK(w.prober.count() >= 3 * 8640);
    CHECK(w.prober.count() <= 3 * 8641 + 3);
    CHECK(w.scheduler.counters().missed == 0);
    std::map<core::IpAddress, std::vector<core::Micros>> starts;
    for (const auto& s : w.prober.starts()) {
        if (s.at > began + 20 * kSecond) starts[s.ip].push_back(s.at);
    }
    for (auto& [ip, times] : starts) {
        core::Micros least = core::kNever, most = 0;
        for (std::size_t i = 1; i < times.size(); ++i) {
            least = std::min(least, times[i] - times[i - 1]);
            most = std::max(most, times[i] - times[i - 1]);
        }
        CHECK(least >= 9'500 * kMillisecond);
        CHECK(most <= 10'500 * kMillisecond);
        CHECK(most - least > 500 * kMillisecond);  // there is jitter
        // The phase within the interval is the same at the end of the day as at its beginning, within the jitter.
        const core::Micros n = static_cast<core::Micros>(times.size()) - 1;
        CHECK(std::abs(times.back() - times.front() - n * 10 * kSecond) <= 500 * kMillisecond);
    }
}

TEST_CASE("schedule: starts are spread evenly over the interval", "[schedule]") {
    World w;
    const int count = 10'000;
    w.targets(count);
    w.clock.advance(30 * kSecond);
    std::vector<double> at;
    const core::Micros from = w.clock.mono_us() / (10 * kSecond) * 10 * kSecond - 10 * kSecond;
    for (const auto& s : w.prober.starts()) {
        if (s.at >= from && s.at < from + 10 * kSecond)
            at.push_back(static_cast<double>(s.at - from) / (10.0 * kSecond));
    }
    std::sort(at.begin(), at.end());
    CHECK(std::abs(static_cast<int>(at.size()) - count) < count / 50);
    double distance = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
        distance = std::max(distance, std::abs(at[i] - static_cast<double>(i) / static_cast<double>(at.size())));
    }
    INFO("Kolmogorov-Smirnov distance " << distance);
    CHECK(distance <= 0.02);
    CHECK(w.scheduler.counters().missed == 0);
}

TEST_CASE("schedule: it is up again after rise successes, at the fast pace", "[schedule]") {
    World w;
    w.targets(1);
    w.clock.advance(kMinute);
    w.prober.set_default({Reason::kTcpRefused});
    w.clock.advance(kMinute);
    REQUIRE(w.changes.back().second.path == State::kDown);
    w.prober.set_default({});
    const core::Micros repaired = w.clock.mono_us();
    w.clock.advance(kMinute);
    CHECK(w.changes.back().second == Verdict{State::kUp, State::kUp});
    CHECK(w.changes.back().first - repaired <= 11'600 * kMillisecond);
    // Settled: back on the grid.
    const auto before = w.prober.count();
    w.clock.advance(kMinute);
    CHECK(w.prober.count() - before <= 7);
}

TEST_CASE("schedule: unreachable targets, a tenth of all, don't delay the others", "[schedule]") {
    World w;
    w.rule.interval_us = 2 * kSecond;
    w.prober.record_starts(false);
    for (int i = 0; i < 100; ++i)
        w.hang(i * 10, Reason::kTcpTimeout);
    w.targets(1000);
    w.clock.advance(10 * kMinute);
    const SchedulerCounters counters = w.scheduler.counters();
    std::uint64_t healthy_missed = 0;
    for (int i = 0; i < 1000; ++i) {
        if (i % 10 != 0) healthy_missed += w.scheduler.missed("link", w.ip(i));
    }
    CHECK(healthy_missed == 0);
    // An attempt is not counted after 100 ms, so that a hundred hanging ones never reach the limit.
    CHECK(counters.lag_sum_us / static_cast<core::Micros>(counters.attempts) <= kMillisecond);
    CHECK(w.prober.most_running() <= 1000);
    CHECK(counters.attempts > 900 * 300);
}

TEST_CASE("schedule: two attempts at most overlap, missed grid points are counted", "[schedule]") {
    World w;
    w.rule.interval_us = kSecond;
    w.rule.fast_interval_us = kSecond;
    w.prober.set_default({Reason::kNone, 2'300 * kMillisecond});
    w.targets(1);
    w.clock.advance(kMinute);
    CHECK(w.prober.most_running() == 2);
    // Two a time of 2.3 s and the wait for the grid.
    CHECK(w.prober.count() >= 38);
    CHECK(w.prober.count() <= 60);
    CHECK(w.scheduler.missed("link", w.ip(0)) >= 10);
}

// What hangs is found out by attempts that overlap; once it is known, one at a time is enough.
TEST_CASE("schedule: a hang is judged after about two timeouts, by `fall` attempts, and then asked one at a time",
          "[schedule]") {
    World w;
    w.targets(1);
    w.clock.advance(25 * kSecond);
    w.hang(0, Reason::kTlsTimeout);
    const auto began = w.prober.count();
    while (w.prober.count() == began)
        w.clock.advance(10 * kMillisecond);
    const core::Micros first = w.clock.mono_us();
    const std::size_t changes = w.changes.size();
    while (w.changes.size() == changes)
        w.clock.advance(10 * kMillisecond);
    CHECK(w.changes.back().second.path == State::kDown);
    CHECK(w.clock.mono_us() - first <= 6'200 * kMillisecond);
    CHECK(w.book.find("link", w.ip(0))->streak == -w.rule.fall);
    CHECK(w.prober.most_running() == 2);
    w.clock.advance(10 * kSecond);
    const auto before = w.prober.count();
    w.clock.advance(kMinute);
    CHECK(w.prober.count() - before <= 7);
}

TEST_CASE("schedule: young attempts are limited, the others wait", "[schedule]") {
    SchedulerLimits limits;
    limits.handshakes = 8;
    World w(limits);
    w.prober.set_default({Reason::kNone, 20 * kMillisecond});
    w.targets(200);
    w.clock.advance(5 * kSecond);
    CHECK(w.prober.most_running() == 8);
    CHECK(w.prober.count() >= 200);
    // One that hangs is young for 100 ms only, and then makes room for the next.
    World v(limits);
    for (int i = 0; i < 40; ++i)
        v.hang(i, Reason::kTcpTimeout);
    v.targets(40);
    v.clock.advance(800 * kMillisecond);
    CHECK(v.prober.running() == 40);
    SchedulerLimits hard;
    hard.in_flight = 5;
    World x(hard);
    for (int i = 0; i < 50; ++i)
        x.hang(i, Reason::kTcpTimeout);
    x.targets(50);
    x.clock.advance(kMinute);
    CHECK(x.prober.most_running() == 5);
    CHECK(x.prober.count() >= 95);
}

TEST_CASE("schedule: probe_now probes each target and reports when all are done", "[schedule]") {
    World w;
    w.targets(5);
    w.clock.advance(15 * kSecond);
    const auto before = w.prober.count();
    int done = 0;
    w.scheduler.probe_now("", [&] { ++done; });
    CHECK(done == 0);
    w.clock.advance(2 * kMillisecond);
    CHECK(done == 0);
    w.clock.advance(5 * kMillisecond);
    CHECK(done == 1);
    CHECK(w.prober.count() - before == 5);
    // An attempt that began before the call does not count.
    w.prober.set_default({Reason::kNone, 200 * kMillisecond});
    w.scheduler.probe_now("link", [&] { ++done; });
    w.clock.advance(100 * kMillisecond);
    w.scheduler.probe_now("link", [&] { ++done; });
    w.clock.advance(150 * kMillisecond);
    CHECK(done == 2);
    w.clock.advance(200 * kMillisecond);
    CHECK(done == 3);
    // No targets; and targets that are removed in the meantime.
    w.scheduler.probe_now("nobody", [&] { ++done; });
    w.clock.advance(kMillisecond);
    CHECK(done == 4);
    w.scheduler.probe_now("link", [&] { ++done; });
    w.scheduler.set_targets({});
    w.clock.advance(kMillisecond);
    CHECK(done == 5);
    CHECK(w.prober.running() == 0);
    CHECK(w.clock.idle());
}

TEST_CASE("schedule: probe_now does not change the grid", "[schedule]") {
    World w;
    w.targets(1);
    w.clock.advance(kMinute);
    for (int i = 0; i < 100; ++i) {
        w.scheduler.probe_now("", {});
        w.clock.advance(10 * kSecond);
    }
    const auto& starts = w.prober.starts();
    core::Micros longest = 0;
    for (std::size_t i = 1; i < starts.size(); ++i)
        longest = std::max(longest, starts[i].at - starts[i - 1].at);
    CHECK(longest <= 10'600 * kMillisecond);
    CHECK(w.scheduler.counters().missed == 0);
}

TEST_CASE("schedule: a changed spec is probed at once, an equal one is not", "[schedule]") {
    World w;
    w.targets(1);
    w.clock.advance(12 * kSecond);
    w.clock.advance(w.clock.next_alarm() - w.clock.mono_us() + 100 * kMillisecond);
    auto count = w.prober.count();
    w.spec = std::make_shared<ProbeSpec>(*w.spec);
    w.targets(1);
    w.clock.advance(300 * kMillisecond);
    CHECK(w.prober.count() == count);
    w.spec = std::make_shared<ProbeSpec>(*w.spec);
    w.spec->token = core::Secret("another token");
    w.targets(1);
    w.clock.advance(300 * kMillisecond);
    CHECK(w.prober.count() == count + 1);
    count = w.prober.count();
    w.rule.interval_us = 2 * kSecond;
    w.targets(1);
    w.clock.advance(kMinute);
    CHECK(w.prober.count() - count >= 29);
    CHECK(w.prober.count() - count <= 31);
}

// The running attempt says nothing about the new one: with another token it would be known an interval later only.
TEST_CASE("schedule: a spec that is changed during an attempt is probed right after it", "[schedule]") {
    World w;
    w.prober.set_default({Reason::kNone, 200 * kMillisecond});
    w.targets(1);
    w.clock.advance(kMinute);
    w.scheduler.probe_now("", {});
    w.clock.advance(kMillisecond);
    REQUIRE(w.prober.running() == 1);
    const auto count = w.prober.count();
    w.spec = std::make_shared<ProbeSpec>(*w.spec);
    w.spec->token = core::Secret("another token");
    w.targets(1);
    w.clock.advance(250 * kMillisecond);
    CHECK(w.prober.count() == count + 1);
    w.clock.advance(kSecond);
    CHECK(w.prober.count() == count + 1);  // once
}

// The grid of the old interval must neither delay the next start (an hour's jitter is minutes) nor be counted as missed.
TEST_CASE("schedule: after a change of the interval the new grid counts at once, and no start was missed",
          "[schedule]") {
    World w;
    w.rule.interval_us = kHour;
    w.targets(1000);
    w.clock.advance(2 * kHour);
    for (const core::Micros interval : {10 * kSecond, 20 * kSecond}) {
        const auto before = w.prober.starts().size();
        w.rule.interval_us = interval;
        w.targets(1000);
        w.clock.advance(interval + interval / 20);
        std::set<core::IpAddress> seen;
        for (std::size_t i = before; i < w.prober.starts().size(); ++i)
            seen.insert(w.prober.starts()[i].ip);
        CHECK(seen.size() == 1000);
        CHECK(w.scheduler.counters().missed == 0);
    }
    // Also while an attempt is under way.
    w.prober.set_default({Reason::kNone, kSecond});
    w.clock.advance(kMinute);
    REQUIRE(w.prober.running() > 0);
    w.rule.interval_us = 30 * kSecond;
    w.targets(1000);
    w.clock.advance(kMinute);
    CHECK(w.scheduler.counters().missed == 0);
}

// Two probes of one target in a row say what one does; a grid point that follows closely on a start off the grid is left out.
TEST_CASE("schedule: after a start off the grid the next one is at least half a fast interval later", "[schedule]") {
    World w;
    w.targets(1);
    w.clock.advance(kMinute);
    core::Micros least = core::kNever;
    for (int i = 0; i < 1000; ++i) {
        w.clock.advance(7 * kSecond + i * 10 * kMillisecond);
        if (w.prober.running() != 0) continue;  // it would be repeated at once
        w.scheduler.probe_now("", {});
        w.clock.advance(kMillisecond);
        const core::Micros asked = w.prober.starts().back().at;
        const auto count = w.prober.starts().size();
        w.clock.advance(11 * kSecond);
        REQUIRE(w.prober.starts().size() > count);
        least = std::min(least, w.prober.starts()[count].at - asked);
    }
    const core::Micros earlier = w.rule.interval_us / 40;  // the jitter
    CHECK(least >= w.rule.fast_interval_us / 2 - earlier);
    CHECK(least <= w.rule.fast_interval_us / 2 + kSecond / 2);  // no more is left out than that
}

TEST_CASE("schedule: targets may be replaced in the result callback", "[schedule]") {
    test::FakeClock clock;
    core::SeededRandom random(1);
    test::FakeProber prober(clock);
    Scheduler* self = nullptr;
    int results = 0;
    const auto spec = std::make_shared<const ProbeSpec>();
    Scheduler scheduler(clock, random, prober, [&](const ProbeResult& r) {
        ++results;
        const auto next = core::IpAddress::v4(0x0a000000u + static_cast<std::uint32_t>(results));
        self->set_targets({{{r.link, next, "", "", spec}, {}}});
        return Pace::kFast;
    });
    self = &scheduler;
    scheduler.set_targets({{{"l", core::IpAddress::v4(1), "", "", spec}, {}}});
    clock.advance(10 * kSecond);
    CHECK(results > 30);
    CHECK(scheduler.counters().targets == 1);
    CHECK(prober.running() <= 1);
}

TEST_CASE("schedule: after a suspend all targets are probed within a second, not in one burst", "[schedule]") {
    // The fake clock fires alarms on time; during a suspend time passes without any.
    struct SleepyClock final : core::Clock {
        core::Micros now = 1000 * kSecond;
        std::map<std::pair<core::Micros, AlarmId>, std::function<void()>> alarms;
        AlarmId next = 1;
        core::Micros mono_us() const override { return now; }
        core::Micros wall_us() const override { return now; }
        AlarmId set_alarm(core::Micros when, std::function<void()> fn) override {
            alarms.emplace(std::pair{when, next}, std::move(fn));
            return next++;
        }
        void cancel_alarm(AlarmId id) override {
            std::erase_if(alarms, [id](const auto& a) { return a.first.second == id; });
        }
        void run_until(core::Micros end) {
            while (!alarms.empty() && alarms.begin()->first.first <= end) {
                auto node = alarms.extract(alarms.begin());
                now = std::max(now, node.key().first);
                node.mapped()();
            }
            now = std::max(now, end);
        }
    } clock;
    core::SeededRandom random(7);
    test::FakeProber prober(clock);
    Scheduler scheduler(clock, random, prober, [](const ProbeResult&) { return Pace::kNormal; });
    std::vector<ScheduledTarget> list;
    const auto spec = std::make_shared<const ProbeSpec>();
    for (std::uint32_t i = 0; i < 100; ++i)
        list.push_back({{"l", core::IpAddress::v4(i), "", "", spec}, {}});
    scheduler.set_targets(list);
    clock.run_until(clock.now + 20 * kSecond);
    clock.now += 2 * kHour;  // suspended
    const auto before = prober.starts().size();
    const core::Micros woke = clock.now;
    clock.run_until(woke + 1'050 * kMillisecond);
    std::set<core::IpAddress> seen;
    std::size_t at_once = 0;
    for (std::size_t i = before; i < prober.starts().size(); ++i) {
        seen.insert(prober.starts()[i].ip);
        at_once += prober.starts()[i].at == woke ? 1 : 0;
    }
    CHECK(seen.size() == 100);
    CHECK(at_once <= 3);
    CHECK(scheduler.counters().resumed == 1);
    CHECK(scheduler.counters().missed >= 100 * 718);  // 720 less the jitter at both ends
    CHECK(scheduler.counters().missed <= 100 * 720);
    const auto settled = prober.starts().size();
    clock.run_until(woke + 101 * kSecond);
    CHECK(prober.starts().size() - settled >= 990);
    CHECK(prober.starts().size() - settled <= 1100);
    CHECK(scheduler.counters().resumed == 1);
}

TEST_CASE("schedule: a jump of the wall clock changes nothing", "[schedule]") {
    World w;
    w.targets(2);
    w.clock.advance(kMinute);
    const auto before = w.prober.count();
    w.clock.jump_wall(-365 * kDay);
    w.clock.advance(kMinute);
    w.clock.jump_wall(730 * kDay);
    w.clock.advance(kMinute);
    CHECK(w.prober.count() - before >= 23);
    CHECK(w.prober.count() - before <= 25);
    CHECK(w.scheduler.counters().missed == 0);
}

TEST_CASE("schedule: an idle target is small", "[schedule]") {
    // Measures the heap of the process, which other tests may have fragmented; hence the large number.
    const auto in_use = [] {
        struct Counted {
            std::size_t bytes;
        };
        return Counted{static_cast<std::size_t>(::mallinfo2().uordblks)}.bytes;
    };
    World w;
    w.prober.record_starts(false);
    const std::size_t before = in_use();
    w.targets(5000);
    w.clock.advance(kMinute);
    const std::size_t per_target = (in_use() - before) / 5000;
    INFO(per_target << " bytes");
    CHECK(per_target < 4096);
}

TEST_CASE("schedule: a hastened probe comes at once, in addition to the grid", "[schedule]") {
    World w;
    w.targets(1);
    w.clock.advance(kMinute);
    const auto starts = [&w] { return w.prober.count(); };
    auto before = starts();
    w.clock.advance(w.clock.next_alarm() - w.clock.mono_us() - 3 * kSecond);
    w.scheduler.hasten("link", w.ip(0));
    w.clock.advance(10 * kMillisecond);
    CHECK(starts() == before + 1);
    CHECK(w.prober.starts().back().at >= w.clock.mono_us() - 10 * kMillisecond);
    w.clock.advance(kHour);
    CHECK(starts() - before >= 360);
    CHECK(starts() - before <= 362);
    CHECK(w.scheduler.counters().missed == 0);

    // An attempt that runs finds out the same; an unknown target is nobody's.
    w.hang(0, Reason::kTcpTimeout);
    w.clock.advance(11 * kSecond);
    before = starts();
    if (w.prober.running() > 0) {
        w.scheduler.hasten("link", w.ip(0));
        w.clock.advance(1);
        CHECK(starts() == before);
    }
    w.scheduler.hasten("link", w.ip(7));
    w.scheduler.hasten("other", w.ip(0));
    w.clock.advance(1);
    CHECK(starts() == before);
}
