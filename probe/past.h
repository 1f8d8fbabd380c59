// SPDX-License-Identifier: Apache-2.0
// The last 30 days of one address in brief: how many of its probes failed, how much of the time is recorded at all, and
// its incidents. About 1 KB an address. HistoryStore fills it, at the start from the file. Plain values; told the time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "probe/record.h"
#include "probe/rollup.h"

namespace postern::probe {

inline constexpr core::Micros kPastLasts = 30 * core::kDay;

/// Of the last 30 days.
struct Month {
    core::Micros since_wall_us = 0;  // of the first attempt
    core::Micros covered_us = 0;  // of the 30 days, in hours that have an attempt: the time that the counts are about
    std::uint64_t attempts = 0, failures = 0;
};

/// Failures of one address with no success between them, or at most kIncidentGap apart.
struct Incident {
    core::Micros from_wall_us = 0, to_wall_us = 0;  // the first failure and the last; of an older one whole hours
    std::uint32_t failures = 0;
    std::array<Reason, 3> reasons{};  // the first ones seen; kNone after the last one
    bool open = false;                // the last probe failed
    bool operator==(const Incident&) const = default;
};
inline constexpr core::Micros kIncidentGap = 5 * core::kMinute;
inline constexpr std::size_t kMaxIncidents = 32;  // of an address; older ones are dropped

class Past {
  public:
    /// What the file has: the hours, and the failures that have a record each; both oldest first. Once, before or after
    /// add().
    void load(std::span<const Rollup> hours, std::span<const Record> failures);
    /// The first attempt was at this time, not at the beginning of its hour.
    void began(core::Micros wall_us);
    /// In the order of time.
    void add(const Record& record);

    /// nullopt: no attempt.
    std::optional<Month> month(core::Micros now_wall_us) const;
    /// Oldest first, at most kMaxIncidents.
    std::vector<Incident> incidents(core::Micros now_wall_us) const;

  private:
    struct Day {
        core::Micros start_wall_us = 0;
        std::uint32_t attempts = 0, failures = 0;
        std::uint32_t hours = 0;  // bit n: hour n has an attempt
    };
    Day& day_of(core::Micros wall_us);
    void count(core::Micros wall_us, std::uint32_t attempts, std::uint32_t failures);
    void fail(core::Micros from_wall_us, core::Micros to_wall_us, std::uint32_t failures,
              std::span<const Reason> reasons, bool same);

    std::vector<Day> days_;            // UTC, in order
    std::vector<Incident> incidents_;  // in order
    core::Micros first_wall_us_ = 0;   // attempt that is known to the second; 0: none
};

}  // namespace postern::probe
