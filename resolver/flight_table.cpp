// SPDX-License-Identifier: Apache-2.0
#include "resolver/flight_table.h"

#include <algorithm>

namespace postern::resolver {

FlightTable::Slot FlightTable::add(const FlightKey& key, ByteView question, std::uint64_t hash, std::uint16_t client) {
    Slot slot = 0;
    if (!free_.empty()) {
        slot = free_.back();
        free_.pop_back();
    } else {
        slot = static_cast<Slot>(flights_.size());
        flights_.emplace_back();
    }
    Flight& f = flights_[slot];
    f.key = key;
    f.hash = hash;
    f.client = client;
    f.question.assign(question.begin(), question.end());
    f.next = 0;
    f.wake_at = 0;
    f.patient = f.told = false;
    f.older = newest_;
    f.newer = kNone;
    if (newest_ != kNone) flights_[newest_].newer = slot;
    newest_ = slot;
    if (oldest_ == kNone) oldest_ = slot;
    ++per_client_[client];
    ++count_;
    by_hash_[hash] = slot;
    return slot;
}

std::optional<FlightTable::Slot> FlightTable::find(const FlightKey& key, std::uint64_t hash) const {
    const auto it = by_hash_.find(hash);
    if (it == by_hash_.end() || !(flights_[it->second].key == key)) return std::nullopt;
    return it->second;
}

Flight* FlightTable::find(Slot slot, std::uint32_t generation) {
    if (slot >= flights_.size()) return nullptr;
    Flight& f = flights_[slot];
    return f.generation == generation ? &f : nullptr;
}

void FlightTable::unlink(Slot slot) {
    const Flight& f = flights_[slot];
    (f.older != kNone ? flights_[f.older].newer : oldest_) = f.newer;
    (f.newer != kNone ? flights_[f.newer].older : newest_) = f.older;
    by_hash_.erase(f.hash);
    --per_client_[f.client];
    --count_;
}

void FlightTable::linger(Slot slot) {
    unlink(slot);
    flights_[slot].told = true;
    while (!lingering_.empty() && find(lingering_.front().first, lingering_.front().second) == nullptr)
        lingering_.pop_front();
    lingering_.emplace_back(slot, flights_[slot].generation);
}

std::optional<FlightTable::Slot> FlightTable::oldest_lingering() {
    while (!lingering_.empty()) {
        const auto [slot, generation] = lingering_.front();
        lingering_.pop_front();
        if (find(slot, generation) != nullptr) return slot;
    }
    return std::nullopt;
}

void FlightTable::release(Slot slot) {
    Flight& f = flights_[slot];
    ++f.generation;
    f.attempts.clear();
    f.order.clear();
    f.plain_later.clear();
    f.last_error.clear();
    f.last_error_from.reset();
    free_.push_back(slot);
}

FlightTable::Slot FlightTable::victim() const {
    const auto most = std::max_element(per_client_.begin(), per_client_.end()) - per_client_.begin();
    Slot slot = oldest_;
    while (slot != kNone && flights_[slot].client != most)
        slot = flights_[slot].newer;
    return slot != kNone ? slot : oldest_;
}

}  // namespace postern::resolver
