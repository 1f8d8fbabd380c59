// SPDX-License-Identifier: Apache-2.0
// Whether the probe schedule makes progress: the agent's liveness, for /livez and the service manager. Passive.
#pragma once

#include "core/clock.h"

namespace postern::agent {

class ScheduleWatch {
  public:
    /// `results`: attempts that have ended so far. `longest_us`: the longest time that the slowest link may take for
    /// one; 0 if there is nothing to probe. False if no result has come for far longer than that.
    bool moves(std::uint64_t results, core::Micros longest_us, core::Micros now_mono_us) {
        if (results != seen_ || longest_us == 0 || moved_mono_us_ == 0) {
            seen_ = results;
            moved_mono_us_ = now_mono_us;
        }
        return now_mono_us - moved_mono_us_ < longest_us + kPatience;
    }

  private:
    static constexpr core::Micros kPatience = 10 * core::kSecond;  // for a loaded host, or a resumed machine

    std::uint64_t seen_ = 0;
    core::Micros moved_mono_us_ = 0;
};

}  // namespace postern::agent
