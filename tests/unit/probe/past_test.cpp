// SPDX-License-Identifier: Apache-2.0
// The last 30 days of an address in brief: what is recorded of them, and its incidents.
#include "probe/past.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;
using core::kDay;
using core::kHour;
using core::kMinute;
using core::kSecond;

namespace {

constexpr core::Micros kStart = 1767312000LL * kSecond;  // 2026-01-02T00:00:00Z

Record at(core::Micros wall_us, Reason reason = Reason::kNone) {
    Record r;
    r.wall_us = wall_us;
    r.reason = reason;
    r.ok = reason == Reason::kNone;
    return r;
}

Rollup hour(core::Micros start, std::uint32_t attempts, std::uint32_t failures = 0, Reason reason = Reason::kNone) {
    Rollup r;
    r.start_wall_us = start;
    r.attempts = attempts;
    r.failures = failures;
    if (failures > 0) r.reasons[0] = {reason, failures};
    return r;
}

}  // namespace

TEST_CASE("past: 21 minutes of records are told as 21 minutes, not as 30 days", "[history]") {
    Past past;
    CHECK_FALSE(past.month(kStart));
    const core::Micros from = kStart + 3 * kHour + 17 * kMinute;
    for (core::Micros t = 0; t < 21 * kMinute; t += 10 * kSecond)
        past.add(at(from + t, t == 5 * kMinute ? Reason::kTcpTimeout : Reason::kNone));
    const auto month = past.month(from + 21 * kMinute);
    REQUIRE(month);
    CHECK(month->attempts == 126);
    CHECK(month->failures == 1);
    CHECK(month->since_wall_us == from);
    CHECK(month->covered_us == 21 * kMinute);
    // An hour without a probe is not covered.
    past.add(at(from + 3 * kHour));
    CHECK(past.month(from + 3 * kHour)->covered_us == 43 * kMinute + 17 * kMinute);
}

TEST_CASE("past: what is older than 30 days is gone, and nothing covers more than 30 days", "[history]") {
    Past past;
    past.add(at(kStart, Reason::kTcpRefused));
    for (int i = 1; i <= 40 * 24; ++i)
        past.add(at(kStart + i * kHour));
    const core::Micros now = kStart + 40 * kDay;
    CHECK(past.month(now)->covered_us <= kPastLasts);
    CHECK(past.month(now)->covered_us > kPastLasts - kDay);
    CHECK(past.month(now)->failures == 0);
    CHECK(past.incidents(now).empty());
    CHECK_FALSE(past.month(now + 32 * kDay));
}

TEST_CASE("past: failures without a success between them are one incident, however far apart", "[history]") {
    Past past;
    past.add(at(kStart, Reason::kTcpTimeout));
    past.add(at(kStart + kHour, Reason::kTcpRefused));
    auto list = past.incidents(kStart + kHour);
    REQUIRE(list.size() == 1);
    CHECK(list[0].open);
    CHECK(list[0].failures == 2);
    CHECK(list[0].from_wall_us == kStart);
    CHECK(list[0].to_wall_us == kStart + kHour);
    CHECK(list[0].reasons == std::array{Reason::kTcpTimeout, Reason::kTcpRefused, Reason::kNone});
    past.add(at(kStart + kHour + kSecond));
    CHECK_FALSE(past.incidents(kStart + kHour + kSecond)[0].open);
    // A part of the probes fails: still one.
    past.add(at(kStart + kHour + 4 * kMinute, Reason::kTcpTimeout));
    CHECK(past.incidents(kStart + 2 * kHour).size() == 1);
    past.add(at(kStart + kHour + 5 * kMinute));
    past.add(at(kStart + 3 * kHour, Reason::kTcpTimeout));
    CHECK(past.incidents(kStart + 3 * kHour).size() == 2);
}

TEST_CASE("past: faults of this host are none of the address, a missing token is a success", "[history]") {
    Past past;
    past.add(at(kStart, Reason::kLocalFdLimit));
    CHECK_FALSE(past.month(kStart));
    past.add(at(kStart, Reason::kTokenMissing));
    CHECK(past.month(kStart)->failures == 0);
    CHECK(past.incidents(kStart).empty());
}

TEST_CASE("past: incidents are bounded, the newest stay", "[history]") {
    Past past;
    for (int i = 0; i < 100; ++i) {
        past.add(at(kStart + i * kHour, Reason::kTcpTimeout));
        past.add(at(kStart + i * kHour + kSecond));
    }
    const auto list = past.incidents(kStart + 100 * kHour);
    REQUIRE(list.size() == kMaxIncidents);
    CHECK(list.back().from_wall_us == kStart + 99 * kHour);
}

TEST_CASE("past: loaded from hours and the failures that are kept, with what came since", "[history]") {
    Past past;
    past.add(at(kStart + 10 * kHour + 59 * kMinute, Reason::kTlsTimeout));
    const std::vector<Rollup> hours{hour(kStart, 360), hour(kStart + kHour, 360, 12, Reason::kTcpRefused),
                                    hour(kStart + 2 * kHour, 360, 2, Reason::kTcpRefused),
                                    hour(kStart + 3 * kHour, 360),
                                    hour(kStart + 8 * kHour, 360, 3, Reason::kTcpTimeout)};
    const std::vector<Record> kept{at(kStart + 8 * kHour + kMinute, Reason::kTcpTimeout),
                                   at(kStart + 8 * kHour + 2 * kMinute, Reason::kTcpTimeout),
                                   at(kStart + 8 * kHour + 30 * kMinute, Reason::kTcpTimeout)};
    past.load(hours, kept);
    const core::Micros now = kStart + 11 * kHour;
    const auto list = past.incidents(now);
    REQUIRE(list.size() == 4);
    CHECK(list[0] == Incident{kStart + kHour, kStart + 3 * kHour, 14, {Reason::kTcpRefused}, false});
    CHECK(list[1].from_wall_us == kStart + 8 * kHour + kMinute);
    CHECK(list[1].failures == 2);
    CHECK(list[2].failures == 1);
    CHECK(list[3].open);
    CHECK(past.month(now)->attempts == 5 * 360 + 1);
    CHECK(past.month(now)->failures == 18);
    CHECK(past.month(now)->covered_us == 6 * kHour);

    // Some of its failures have no record any more: the hour is told as a whole.
    Past some;
    some.load(hours, std::span(kept).subspan(2));
    const auto whole = some.incidents(now);
    REQUIRE(whole.size() == 2);
    CHECK(whole[1] == Incident{kStart + 8 * kHour, kStart + 9 * kHour, 3, {Reason::kTcpTimeout}, false});
}

TEST_CASE("past: a clock that is set back breaks nothing", "[history]") {
    Past past;
    for (const int days : {0, 400, 10, 401, 11, 5})
        past.add(at(kStart + days * kDay, Reason::kTcpTimeout));
    CHECK(past.month(kStart + 11 * kDay)->attempts <= 6);
    CHECK(past.incidents(kStart + 401 * kDay).size() <= 6);
}
