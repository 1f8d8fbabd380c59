// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/schedule_watch.h"

#include "tests/unit/catch.h"

using namespace postern;
using core::kSecond;

TEST_CASE("schedule_watch: results within a link's time and ten seconds are a moving schedule", "[schedule_watch]") {
    agent::ScheduleWatch watch;
    constexpr core::Micros longest = 33 * kSecond, start = 1000 * kSecond;
    CHECK(watch.moves(0, longest, start));  // too early for a result
    CHECK(watch.moves(0, longest, start + 42 * kSecond));
    CHECK_FALSE(watch.moves(0, longest, start + 43 * kSecond));
    CHECK(watch.moves(1, longest, start + 60 * kSecond));
    CHECK(watch.moves(1, longest, start + 102 * kSecond));
    CHECK_FALSE(watch.moves(1, longest, start + 103 * kSecond));
}

TEST_CASE("schedule_watch: with nothing to probe it moves, and what comes then has its time", "[schedule_watch]") {
    agent::ScheduleWatch watch;
    CHECK(watch.moves(0, 0, kSecond));
    CHECK(watch.moves(0, 0, 1000 * kSecond));
    CHECK(watch.moves(0, 5 * kSecond, 1001 * kSecond));
    CHECK_FALSE(watch.moves(0, 5 * kSecond, 1015 * kSecond));
}
