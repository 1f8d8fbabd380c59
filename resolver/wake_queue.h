// SPDX-License-Identifier: Apache-2.0
// The times at which flights want to be looked at, with one timer for all of them. Loop thread.
#pragma once

#include <functional>
#include <queue>

#include "core/clock.h"
#include "resolver/flight_table.h"

namespace postern::resolver {

class WakeQueue {
  public:
    /// `wake` is called for a flight whose time has come, once.
    WakeQueue(core::Clock& clock, FlightTable& flights, std::function<void(FlightTable::Slot)> wake);
    /// No effect if the flight has an earlier time already: it is to ask again then.
    void add(FlightTable::Slot slot, core::Micros at);

  private:
    struct Wake {
        core::Micros at;
        FlightTable::Slot slot;
        std::uint32_t generation;
        bool operator>(const Wake& other) const { return at > other.at; }
    };
    void arm();
    void on_timer();

    core::Clock& clock_;
    FlightTable& flights_;
    std::function<void(FlightTable::Slot)> wake_;
    std::priority_queue<Wake, std::vector<Wake>, std::greater<>> wakes_;
    core::Micros armed_for_ = core::kNever;
    core::Timer timer_;
};

}  // namespace postern::resolver
