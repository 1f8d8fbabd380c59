// SPDX-License-Identifier: Apache-2.0
#include "resolver/start_queue.h"

namespace postern::resolver {
namespace {

constexpr std::size_t kStartsATurn = 16;  // each opens and sends on a socket

}  // namespace

StartQueue::StartQueue(core::Clock& clock, FlightTable& flights, std::function<void(FlightTable::Slot)> start)
    : flights_(flights), start_(std::move(start)), timer_(clock) {}

void StartQueue::add(FlightTable::Slot slot) {
    waiting_.emplace_back(slot, flights_[slot].generation);
    arm();
}

void StartQueue::arm() {
    if (!waiting_.empty() && !timer_.pending()) timer_.start_in(1, [this] { on_timer(); });
}

void StartQueue::on_timer() {
    for (std::size_t n = 0; n < kStartsATurn && !waiting_.empty(); ++n) {
        const auto [slot, generation] = waiting_.front();
        waiting_.pop_front();
        if (flights_.find(slot, generation) != nullptr) start_(slot);
    }
    arm();
}

}  // namespace postern::resolver
