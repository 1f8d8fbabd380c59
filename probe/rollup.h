// SPDX-License-Identifier: Apache-2.0
// Summary of all attempts at one address within a minute or an hour.
//
// local_* is not counted in `attempts`; token_missing counts as a success, as it does for the path. The times of a
// phase are those of the attempts that completed it, the totals those of attempts with a complete reply; the time of
// a failed phase is in the record of the failure. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "probe/record.h"
#include "probe/spread.h"

namespace postern::probe {

enum class Resolution { kMinute, kHour };
constexpr core::Micros period_of(Resolution r) {
    return r == Resolution::kMinute ? core::kMinute : core::kHour;
}
/// The start of the period that contains `wall_us`.
constexpr core::Micros start_of(Resolution r, core::Micros wall_us) {
    return wall_us - wall_us % period_of(r);
}

inline constexpr std::size_t kSeries = kTimedPhases + 1;  // the phases, then the total
inline constexpr std::size_t kTotal = kTimedPhases;
inline constexpr std::size_t kRollupReasons = 5;  // the most common ones; others are in `failures` only

struct ReasonCount {
    Reason reason = Reason::kNone;
    std::uint32_t count = 0;
    bool operator==(const ReasonCount&) const = default;
};

struct Rollup {
    core::Micros start_wall_us = 0;
    std::uint32_t attempts = 0, failures = 0;
    std::array<ReasonCount, kRollupReasons> reasons{};  // most common first, with local_*; kNone after the last one
    std::array<std::optional<Spread>, kSeries> series{};
    bool operator==(const Rollup&) const = default;
};

/// Of the last 24 hours in whole hours: the current one and the 23 before.
struct Availability {
    core::Micros since_wall_us = 0;  // of the first hour that has an attempt
    std::uint64_t attempts = 0, failures = 0;
    core::Micros p95_us = 0;  // of the total, or a little more; 0: no complete attempt
};

/// Makes the roll-up of one period from its attempts.
class RollupBuilder {
  public:
    /// Begins an empty period.
    void begin(core::Micros start_wall_us);
    /// Continues a period after a restart, or after the clock was set back into it. Counts are exact; percentiles are
    /// exact until attempts are added.
    void resume(const Rollup& rollup);
    void add(const Record& record);

    core::Micros start_wall_us() const { return start_wall_us_; }  // 0: no period has begun
    Rollup rollup() const;

  private:
    void count(Reason reason, std::uint32_t n);

    core::Micros start_wall_us_ = 0;
    std::uint32_t attempts_ = 0, failures_ = 0;
    std::vector<ReasonCount> reasons_;
    std::array<TimeHistogram, kSeries> series_;
};

}  // namespace postern::probe
