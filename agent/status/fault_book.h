// SPDX-License-Identifier: Apache-2.0
// Which conditions are faults by now: one that comes and goes at once makes no noise, one that is over clears by itself.
// Owned by the app, loop thread; the time is passed in, nothing else is asked.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/faults/fault.h"
#include "core/clock.h"

namespace postern::agent {

/// How long a condition must last until it is a fault, and how long it must be gone until it is none.
struct FaultPace {
    core::Micros visible_after_us = 0, gone_after_us = 0;
};
FaultPace pace_of(std::string_view code);

/// What began and what ended since the last look.
struct FaultNews {
    std::vector<Fault> raised, cleared;
};
/// One line of the log each, with the code.
void log_news(const FaultNews& news);

class FaultBook {
  public:
    /// Leaves of `conditions`, which hold now, those that have lasted, and puts back those that are not gone long enough,
    /// with their last values. `now` is monotonic.
    void settle(std::vector<Fault>& conditions, core::Micros now_us);
    /// Sets since_wall_us of `faults`, which are all that are visible, and tells what is new.
    FaultNews note(std::vector<Fault>& faults, core::Micros now_wall_us);

  private:
    using Key = std::pair<std::string, std::string>;  // code and link: its address and values may change
    struct Condition {
        Fault last;
        core::Micros began_us = 0, seen_us = 0;
        bool visible = false;
    };
    struct Shown {
        Fault last;
        core::Micros since_wall_us = 0;
    };

    std::map<Key, Condition> conditions_;
    std::map<Key, Shown> shown_;
};

}  // namespace postern::agent
