// SPDX-License-Identifier: Apache-2.0
// What is counted in a roll-up.
#include "probe/rollup.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;

namespace {

constexpr core::Micros kStart = 1767323040LL * core::kSecond;

Record attempt(Reason reason, Phase phase, std::vector<core::Micros> phases, core::Micros total) {
    Record r;
    r.wall_us = kStart + core::kSecond;
    r.ok = reason == Reason::kNone;
    r.reason = reason;
    r.phase = phase;
    for (std::size_t i = 0; i < phases.size(); ++i)
        r.phase_us[i] = phases[i];
    r.total_us = total;
    return r;
}

}  // namespace

TEST_CASE("rollup: phases are measured in attempts that completed them, the total in complete replies", "[rollup]") {
    RollupBuilder b;
    b.begin(kStart);
    b.add(attempt(Reason::kNone, Phase::kCount, {400, 3000, 10, 900, 50}, 4360));
    b.add(attempt(Reason::kTlsTimeout, Phase::kTls, {500, 2900000}, 2900500));
    b.add(attempt(Reason::kTcpRefused, Phase::kConnect, {40}, 40));
    b.add(attempt(Reason::kHttpStatus5xx, Phase::kReply, {600, 3200, 10, 100, 20}, 3930));
    const Rollup r = b.rollup();
    CHECK(r.start_wall_us == kStart);
    CHECK(r.attempts == 4);
    CHECK(r.failures == 3);
    CHECK(r.series[0] == Spread{400, 504, 592, 592, 600});
    CHECK(r.series[1]->min_us == 3000);
    CHECK(r.series[1]->max_us == 3200);
    CHECK(r.series[kTotal]->min_us == 3930);
    CHECK(r.series[kTotal]->max_us == 4360);
}

TEST_CASE("rollup: local failures are not counted, a missing token is no failure", "[rollup]") {
    RollupBuilder b;
    b.begin(kStart);
    b.add(attempt(Reason::kLocalFdLimit, Phase::kConnect, {}, 3));
    b.add(attempt(Reason::kLocalFdLimit, Phase::kConnect, {}, 3));
    b.add(attempt(Reason::kTokenMissing, Phase::kReply, {400, 3000, 10, 900, 50}, 4360));
    const Rollup r = b.rollup();
    CHECK(r.attempts == 1);
    CHECK(r.failures == 0);
    CHECK(r.reasons[0] == ReasonCount{Reason::kLocalFdLimit, 2});
    CHECK(r.reasons[1] == ReasonCount{Reason::kTokenMissing, 1});
    CHECK(r.reasons[2].reason == Reason::kNone);
    CHECK(r.series[kTotal]->max_us == 4360);
}

TEST_CASE("rollup: the most common reasons are named, the others are counted", "[rollup]") {
    RollupBuilder b;
    b.begin(kStart);
    for (int reason = 1; reason <= 8; ++reason) {
        for (int i = 0; i < reason; ++i)
            b.add(attempt(static_cast<Reason>(reason), Phase::kConnect, {10}, 10));
    }
    const Rollup r = b.rollup();
    CHECK(r.failures == 36);
    for (std::size_t i = 0; i < kRollupReasons; ++i) {
        CHECK(r.reasons[i] == ReasonCount{static_cast<Reason>(8 - i), static_cast<std::uint32_t>(8 - i)});
    }
}

TEST_CASE("rollup: a period is continued", "[rollup]") {
    RollupBuilder whole, first;
    whole.begin(kStart);
    first.begin(kStart);
    const auto good = attempt(Reason::kNone, Phase::kCount, {400, 3000, 10, 900, 50}, 4360);
    const auto bad = attempt(Reason::kTcpTimeout, Phase::kConnect, {1200000}, 1200000);
    for (int i = 0; i < 9; ++i) {
        whole.add(i % 3 == 0 ? bad : good);
        first.add(i % 3 == 0 ? bad : good);
    }
    RollupBuilder second;
    second.resume(first.rollup());
    CHECK(second.rollup() == whole.rollup());
    whole.add(good);
    second.add(good);
    CHECK(second.rollup() == whole.rollup());
    second.begin(kStart + core::kMinute);
    CHECK(second.rollup().attempts == 0);
    CHECK_FALSE(second.rollup().series[0]);
}
