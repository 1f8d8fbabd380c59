// SPDX-License-Identifier: Apache-2.0
// The distribution of times: min, p50, p95, p99 and max. Values up to 2^31 µs (36 min).
//
// The histogram has 16 buckets per octave and stores only those with a count: a percentile is off by 3.2 % at most
// (half a bucket), min and max are exact. A bucket takes 8 bytes; a phase of a healthy address has 10 to 30 in an
// hour. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/clock.h"

namespace postern::probe {

struct Spread {
    core::Micros min_us = 0, p50_us = 0, p95_us = 0, p99_us = 0, max_us = 0;
    bool operator==(const Spread&) const = default;
};

class TimeHistogram {
  public:
    void add(core::Micros us) { add(us, 1); }
    /// Adds `count` times of which only the spread is known, so that spread() of them alone gives the same. A
    /// percentile of several merged spreads is never too low, and too high by the distance to the next of the five
    /// numbers at most.
    void add(const Spread& spread, std::uint64_t count);
    /// Nothing when the histogram is empty.
    std::optional<Spread> spread() const;
    std::uint64_t count() const { return count_; }

  private:
    struct Bucket {
        std::uint32_t index, count;
    };

    void add(core::Micros us, std::uint64_t count);
    core::Micros percentile(double share) const;

    std::vector<Bucket> buckets_;  // sorted by index
    std::uint64_t count_ = 0;
    core::Micros min_us_ = 0, max_us_ = 0;
};

/// A time in 16 bits, rounded down by less than 0.05 %; times of 2^31 µs and more have one code. Never kNoTime.
std::uint16_t time_code(core::Micros us);
core::Micros time_of_code(std::uint16_t code);
inline constexpr std::uint16_t kNoTime = 0xffff;

}  // namespace postern::probe
