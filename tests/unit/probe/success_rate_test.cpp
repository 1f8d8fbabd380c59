// SPDX-License-Identifier: Apache-2.0
#include "probe/success_rate.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;

TEST_CASE("success rate: few attempts prove nothing, many do", "[success_rate]") {
    CHECK_FALSE(is_partial({0, 0}, {}));
    CHECK_FALSE(is_partial({0, 1}, {}));
    CHECK_FALSE(is_partial({9, 10}, {}));
    CHECK_FALSE(is_partial({95, 100}, {}));
    CHECK(is_partial({1, 4}, {}));
    CHECK(is_partial({70, 100}, {}));
    // Against the others a small difference counts, too, if there are enough attempts.
    CHECK_FALSE(is_below({95, 100}, {0, 0}));
    CHECK_FALSE(is_below({19, 20}, {20, 20}));
    CHECK_FALSE(is_below({90, 100}, {95, 100}));
    CHECK(is_below({85, 100}, {300, 300}));
    CHECK(is_partial({85, 100}, {300, 300}));
    CHECK_FALSE(is_below({300, 300}, {85, 100}));
    CHECK_FALSE(is_below({0, 10}, {0, 10}));  // all fail alike
}

TEST_CASE("success rate: what is old is forgotten, and what a run of passes makes unlikely", "[success_rate]") {
    SuccessRate rate;
    core::Micros now = 0;
    const auto add = [&](bool passed, core::Micros after = core::kSecond) { rate.add(now += after, passed); };
    CHECK(rate.share().value() == 1);
    for (int i = 0; i < 10; ++i)
        add(i % 2 == 0);
    CHECK(rate.share() == Share{5, 10});
    for (int i = 0; i < 6; ++i)
        add(true);
    CHECK(rate.share() == Share{11, 16});  // 1 in 64 by chance
    add(true);
    CHECK(rate.share() == Share{7, 7});  // 1 in 128: it is over
    for (int i = 0; i < 5; ++i) {        // also when it begins with failures
        add(false);
        add(false);
        add(true);
    }
    CHECK(rate.share() == Share{12, 22});
    add(false);
    add(true, kRateWindow);
    CHECK(rate.share() == Share{1, 2});
    add(true, core::kSecond);
    CHECK(rate.share() == Share{2, 2});
    for (int i = 0; i < 2 * kMaxRateAttempts; ++i)
        add(i % 2 == 0, core::kMillisecond);
    CHECK(rate.share().tried == kMaxRateAttempts);
}
