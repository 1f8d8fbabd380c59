// SPDX-License-Identifier: Apache-2.0
#include "agent/status/histogram.h"

#include <algorithm>

#include "tests/unit/catch.h"

using namespace postern::agent;

TEST_CASE("histogram: adding keeps the longer of both, and both sums", "[histogram]") {
    using Counts = std::vector<std::uint64_t>;
    Histogram whole;
    whole.add({});
    CHECK(whole.buckets.empty());
    whole.add({{1, 2}, 0.5});
    CHECK(whole.buckets == Counts{1, 2});
    whole.add({{1, 1, 7}, 1.25});
    CHECK(whole.buckets == Counts{2, 3, 7});
    whole.add({{1}, 0});
    CHECK(whole.buckets == Counts{3, 3, 7});
    CHECK(whole.sum_s == 1.75);
    whole.add(whole);
    CHECK(whole.buckets == Counts{6, 6, 14});
    CHECK(whole.sum_s == 3.5);
}

TEST_CASE("histogram: the bounds of a probe's phases rise, from below a fast network to above the longest timeout",
          "[histogram]") {
    const auto& bounds = probe_bounds_s();
    REQUIRE(bounds.size() > 2);
    CHECK(std::adjacent_find(bounds.begin(), bounds.end(), std::greater_equal<>()) == bounds.end());
    CHECK(bounds.front() <= 0.001);
    CHECK(bounds.back() >= 3);  // the timeout that a probe has by default
    CHECK(&probe_bounds_s() == &bounds);
}
