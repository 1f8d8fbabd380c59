// SPDX-License-Identifier: Apache-2.0
// Flights that have sent nothing yet: after a burst of questions a few are started in each turn of the loop, so that
// answers that need no upstream do not wait for all of them. Loop thread.
#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "core/clock.h"
#include "resolver/flight_table.h"

namespace postern::resolver {

class StartQueue {
  public:
    /// `start` is called for each flight that was added, in their order, if it has not ended meanwhile.
    StartQueue(core::Clock& clock, FlightTable& flights, std::function<void(FlightTable::Slot)> start);
    void add(FlightTable::Slot slot);
    bool empty() const { return waiting_.empty(); }

  private:
    void arm();
    void on_timer();

    FlightTable& flights_;
    std::function<void(FlightTable::Slot)> start_;
    std::deque<std::pair<FlightTable::Slot, std::uint32_t>> waiting_;  // slot and generation
    core::Timer timer_;
};

}  // namespace postern::resolver
