// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern::core;

TEST_CASE("clock: UTC text round-trips in microseconds", "[clock]") {
    CHECK(format_utc(1767323045678901) == "2026-01-02T03:04:05.678901Z");
    CHECK(format_time(1767323045678901) == "2026-01-02T03:04:05Z");
    CHECK(format_time(1767323045678901, 3) == "2026-01-02T03:04:05.678Z");
    CHECK(parse_utc(format_time(1767323045678901, 3)) == 1767323045678000);
    CHECK(parse_utc("2026-01-02T03:04:05.678901Z") == 1767323045678901);
    CHECK(parse_utc("2025-01-01T00:00:00Z") == 1735689600000000);
    for (const auto* bad : {"", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05Zx", "yesterday"}) {
        INFO(bad);
        CHECK(parse_utc(bad) == -1);
    }
}

TEST_CASE("clock: alarms of the system clock fire in order, and a cancelled one does not", "[clock]") {
    Loop loop;
    {
        SystemClock clock(loop);
        std::vector<int> order;
        const Micros now = clock.mono_us();
        clock.set_alarm(now + 3000, [&] {
            order.push_back(3);
            loop.stop();
        });
        clock.set_alarm(now + 1000, [&] { order.push_back(1); });
        const auto cancelled = clock.set_alarm(now + 2000, [&] { order.push_back(2); });
        clock.cancel_alarm(cancelled);
        loop.run();
        CHECK(order == std::vector<int>{1, 3});
        CHECK(clock.mono_us() >= now + 3000);
    }
    CHECK(loop.close());
}

TEST_CASE("clock: an alarm set for now by an alarm fires in the next iteration", "[clock]") {
    Loop loop;
    {
        SystemClock clock(loop);
        int turns = 0;
        std::function<void()> again = [&] {
            if (++turns == 3) {
                loop.stop();
            } else {
                clock.set_alarm(0, again);
            }
        };
        clock.set_alarm(0, again);
        loop.run_once();
        CHECK(turns == 1);
        loop.run();
        CHECK(turns == 3);
    }
    CHECK(loop.close());
}

TEST_CASE("clock: a timer may be restarted or destroyed by its own callback", "[clock]") {
    postern::test::FakeClock clock;
    int fired = 0;
    auto timer = std::make_unique<Timer>(clock);
    timer->start_in(kSecond, [&] {
        ++fired;
        timer->start_in(kSecond, [&] {
            ++fired;
            timer.reset();
        });
    });
    clock.advance(5 * kSecond);
    CHECK(fired == 2);
    CHECK(clock.idle());
}

TEST_CASE("clock: the callback of a job in the pool may be the last owner of a timer", "[clock][loop]") {
    Loop loop;
    {
        SystemClock clock(loop);
        auto timer = std::make_shared<Timer>(clock);
        timer->start_in(kMinute, [] { FAIL("the timer outlived its owner"); });
        loop.run_in_pool([] {}, [timer] {});
    }
    CHECK(loop.close());
}

TEST_CASE("loop: pool work runs, then done on the loop thread", "[loop]") {
    Loop loop;
    bool worked = false;
    bool done = false;
    loop.run_in_pool([&] { worked = true; }, [&] { done = true; });
    loop.run();
    CHECK(worked);
    CHECK(done);
    CHECK(loop.close());
}
