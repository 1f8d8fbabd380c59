// How a number of times are spread: min, p50, p95, p99 and max. Values up to 2^31 µs (36 min).
//
// The histogram has sixteen buckets an octave and keeps only those that were hit: a percentile is off by 3.2
// % at most (half a bucket), min and max are exact. It costs 8 bytes a bucket that was hit; a phase of a
// healthy address hits ten to thirty in an hour. Plain values; no thread of their own.
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
    /// What is only known by its spread: counted so that the same spread comes out again. Of histograms
    /// merged in this way a percentile is never too low, and too high by no more than the distance to the
    /// next of the five numbers.
    void add(const Spread& spread, std::uint64_t count);
    /// Nothing when nothing was added.
    std::optional<Spread> spread() const;
    std::uint64_t count() const { return count_; }

  private:
    struct Bucket {
        std::uint32_t index, count;
    };

    void add(core::Micros us, std::uint64_t count);
    core::Micros percentile(double share) const;

    std::vector<Bucket> buckets_;  // by index
    std::uint64_t count_ = 0;
    core::Micros min_us_ = 0, max_us_ = 0;
};

/// A time in 16 bits, rounded down by less than 0.05 %; 2^31 µs and more is all the same. kNoTime is none of
/// them.
std::uint16_t time_code(core::Micros us);
core::Micros time_of_code(std::uint16_t code);
inline constexpr std::uint16_t kNoTime = 0xffff;

}  // namespace postern::probe
