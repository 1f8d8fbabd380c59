// SPDX-License-Identifier: Apache-2.0
// The five numbers of a spread, and their accuracy.
#include "probe/spread.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;

TEST_CASE("spread: percentiles are off by 3.2 % at most, min and max are exact", "[spread]") {
    core::SeededRandom random(7);
    for (int round = 0; round < 200; ++round) {
        TimeHistogram histogram;
        std::vector<core::Micros> exact;
        const auto n = 1 + random.below(700);
        const double scale = std::pow(10, static_cast<double>(random.below(8)));
        for (std::uint64_t i = 0; i < n; ++i) {
            exact.push_back(static_cast<core::Micros>(scale * (1 + static_cast<double>(random.below(1000)) / 50)));
            histogram.add(exact.back());
        }
        std::sort(exact.begin(), exact.end());
        const auto at = [&](double share) {
            return exact[static_cast<std::size_t>(std::ceil(share * static_cast<double>(n))) - 1];
        };
        const auto near = [](core::Micros got, core::Micros expected) {
            return std::abs(static_cast<double>(got - expected)) <= 0.032 * static_cast<double>(expected) + 0.5;
        };
        const Spread s = *histogram.spread();
        CHECK(s.min_us == exact.front());
        CHECK(s.max_us == exact.back());
        CHECK(near(s.p50_us, at(0.5)));
        CHECK(near(s.p95_us, at(0.95)));
        CHECK(near(s.p99_us, at(0.99)));
        CHECK(histogram.count() == n);
    }
}

TEST_CASE("spread: one value, none, and values out of range", "[spread]") {
    TimeHistogram h;
    CHECK_FALSE(h.spread());
    h.add(412);
    CHECK(*h.spread() == Spread{412, 412, 412, 412, 412});
    TimeHistogram odd;
    odd.add(-5);
    odd.add(core::kNever);
    CHECK(odd.spread()->min_us == 0);
    CHECK(odd.spread()->max_us == (core::Micros{1} << 31) - 1);
}

TEST_CASE("spread: a histogram of one spread gives the same spread", "[spread]") {
    core::SeededRandom random(11);
    for (int round = 0; round < 300; ++round) {
        TimeHistogram before;
        const auto n = 1 + random.below(400);
        for (std::uint64_t i = 0; i < n; ++i)
            before.add(static_cast<core::Micros>(300 + random.below(100000)));
        TimeHistogram after;
        after.add(*before.spread(), n);
        CHECK(after.count() == n);
        const Spread a = *before.spread(), b = *after.spread();
        INFO("round " << round);
        CHECK(a.min_us == b.min_us);
        CHECK(a.max_us == b.max_us);
        for (const auto& [x, y] : {std::pair{a.p50_us, b.p50_us}, {a.p95_us, b.p95_us}, {a.p99_us, b.p99_us}}) {
            CHECK(std::abs(static_cast<double>(x - y)) <= 0.032 * static_cast<double>(x));
        }
    }
}

TEST_CASE("spread: time codes are accurate to 0.05 %, ordered, and stable", "[spread]") {
    std::uint16_t last = 0;
    for (core::Micros us = 0; us < (core::Micros{1} << 31); us = us * 1001 / 1000 + 1) {
        const auto code = time_code(us);
        CHECK(code >= last);
        CHECK(code != kNoTime);
        const auto back = time_of_code(code);
        CHECK(back <= us);
        CHECK(static_cast<double>(us - back) <= 0.0005 * static_cast<double>(us));
        CHECK(time_code(back) == code);
        last = code;
    }
    CHECK(time_code(core::kNever) == time_code((core::Micros{1} << 31) - 1));
    for (std::uint32_t code = 0; code < 0xffff; ++code) {  // a damaged file may have any code
        const auto us = time_of_code(static_cast<std::uint16_t>(code));
        CHECK(us >= 0);
        CHECK(us < (core::Micros{1} << 31));
        CHECK(time_of_code(time_code(us)) == us);
    }
}
