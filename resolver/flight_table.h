// SPDX-License-Identifier: Apache-2.0
// The flights in progress: by question, by age, and how many each client has. Slots are reused; the generation tells
// the flights of one slot apart. Loop thread.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <unordered_map>

#include "resolver/flight.h"

namespace postern::resolver {

class FlightTable {
  public:
    using Slot = std::uint32_t;
    static constexpr std::uint16_t kClients = 256;      // buckets of client addresses
    static constexpr std::uint16_t kNobody = kClients;  // the bucket of flights without a client (prefetch)

    Flight& operator[](Slot slot) { return flights_[slot]; }
    const Flight& operator[](Slot slot) const { return flights_[slot]; }
    /// References stay valid while flights are added.
    Slot add(const FlightKey& key, ByteView question, std::uint64_t hash, std::uint16_t client);
    std::optional<Slot> find(const FlightKey& key, std::uint64_t hash) const;
    bool has(std::uint64_t hash) const { return by_hash_.count(hash) != 0; }
    /// nullptr when that flight has ended.
    Flight* find(Slot slot, std::uint32_t generation);
    std::size_t size() const { return count_; }

    /// Removes it from the index and the counts.
    void unlink(Slot slot);
    /// unlink(), and nobody waits for it any more: it is kept for a late reply, as long as there is room.
    void linger(Slot slot);
    /// An estimate from above.
    std::size_t lingering() const { return lingering_.size(); }
    /// Takes it out of the list of lingering flights.
    std::optional<Slot> oldest_lingering();
    /// After unlink(): lets the slot be used again.
    void release(Slot slot);
    /// The flight to end when there are too many: the oldest of the client that has the most, so that a busy client
    /// does not displace the flights of others. The table must not be empty.
    Slot victim() const;

    auto begin() { return flights_.begin(); }  // ended ones included
    auto end() { return flights_.end(); }

  private:
    static constexpr Slot kNone = UINT32_MAX;

    std::deque<Flight> flights_;
    std::vector<Slot> free_;
    std::deque<std::pair<Slot, std::uint32_t>> lingering_;  // slot and generation, the oldest first; ended ones, too
    std::unordered_map<std::uint64_t, Slot> by_hash_;
    Slot oldest_ = kNone, newest_ = kNone;
    std::size_t count_ = 0;
    std::array<std::uint32_t, kClients + 1> per_client_{};
};

}  // namespace postern::resolver
