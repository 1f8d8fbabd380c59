// What became of all attempts at one address within a minute or an hour, in a few numbers.
//
// Attempts that say nothing about the address (local_*) are not among `attempts`; token_missing counts as
// good, as it does for the path. A phase is measured by the attempts that completed it, the total by those
// whose reply came whole: how long the failed phase took stands in the record of the failure. Plain values;
// no thread of their own.
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
/// When the period of that time began.
constexpr core::Micros start_of(Resolution r, core::Micros wall_us) {
    return wall_us - wall_us % period_of(r);
}

inline constexpr std::size_t kSeries = kTimedPhases + 1;  // the phases, then the total
inline constexpr std::size_t kTotal = kTimedPhases;
inline constexpr std::size_t kRollupReasons = 5;  // the commonest; others are only in `failures`

struct ReasonCount {
    Reason reason = Reason::kNone;
    std::uint32_t count = 0;
    bool operator==(const ReasonCount&) const = default;
};

struct Rollup {
    core::Micros start_wall_us = 0;
    std::uint32_t attempts = 0, failures = 0;
    std::array<ReasonCount, kRollupReasons> reasons{};  // commonest first, local_* too; kNone: no more
    std::array<std::optional<Spread>, kSeries> series{};
    bool operator==(const Rollup&) const = default;
};

/// Of the last 24 hours, counted in whole hours: the present one and the 23 before.
struct Availability {
    core::Micros since_wall_us = 0;  // of the first hour that has an attempt
    std::uint64_t attempts = 0, failures = 0;
    core::Micros p95_us = 0;  // of the total, at most; 0: no attempt was complete
};

/// Of the attempts of one period, one after the other.
class RollupBuilder {
  public:
    /// Begins a period anew.
    void begin(core::Micros start_wall_us);
    /// Goes on with what was known of a period before a restart (or before the clock was set back into it).
    /// Counts are exact, and so are the percentiles until attempts are added.
    void resume(const Rollup& rollup);
    void add(const Record& record);

    core::Micros start_wall_us() const { return start_wall_us_; }  // 0: none has begun
    Rollup rollup() const;

  private:
    void count(Reason reason, std::uint32_t n);

    core::Micros start_wall_us_ = 0;
    std::uint32_t attempts_ = 0, failures_ = 0;
    std::vector<ReasonCount> reasons_;
    std::array<TimeHistogram, kSeries> series_;
};

}  // namespace postern::probe
