// SPDX-License-Identifier: Apache-2.0
#include "resolver/wake_queue.h"

namespace postern::resolver {

WakeQueue::WakeQueue(core::Clock& clock, FlightTable& flights, std::function<void(FlightTable::Slot)> wake)
    : clock_(clock), flights_(flights), wake_(std::move(wake)), timer_(clock) {}

void WakeQueue::add(FlightTable::Slot slot, core::Micros at) {
    Flight& f = flights_[slot];
    if (f.wake_at != 0 && f.wake_at <= at) return;
    f.wake_at = at;
    wakes_.push({at, slot, f.generation});
    arm();
}

void WakeQueue::arm() {
    if (wakes_.empty() || (timer_.pending() && wakes_.top().at >= armed_for_)) return;
    armed_for_ = wakes_.top().at;
    timer_.start_at(armed_for_, [this] { on_timer(); });
}

void WakeQueue::on_timer() {
    const core::Micros now = clock_.mono_us();
    while (!wakes_.empty()) {
        const Wake next = wakes_.top();
        Flight& f = flights_[next.slot];
        const bool current = f.generation == next.generation && f.wake_at == next.at;
        if (current && next.at > now) break;
        // Drop the entries of ended flights even when they are not due: an idle program must not wake up for them.
        wakes_.pop();
        if (!current) continue;
        f.wake_at = 0;
        wake_(next.slot);
    }
    arm();
}

}  // namespace postern::resolver
