// SPDX-License-Identifier: Apache-2.0
// The clients that wait for flights: how many there are, how many of each address, and who waits already. Loop thread.
#pragma once

#include <array>

#include "resolver/flight_table.h"

namespace postern::resolver {

class WaitingClients {
  public:
    /// For the buckets of client addresses.
    explicit WaitingClients(std::uint64_t seed) : seed_(seed) {}
    void set_limit(std::size_t most) { most_ = most; }

    /// Sets the bucket of its address. False: there are too many waiters, and this client has its share.
    bool admit(Waiter& waiter) const;
    void add(Flight& f, Waiter waiter);
    void drop_all(Flight& f);
    /// Takes the waiters out that have waited since `since` or a later time.
    std::vector<Waiter> take_later(Flight& f, core::Micros since);
    /// A retransmission: the same client waits already. One reply is enough for it.
    static bool is_repeated(const Flight& f, const Waiter& waiter);

  private:
    void uncount(const Waiter& waiter);

    std::uint64_t seed_;
    std::size_t most_ = 0;
    std::size_t count_ = 0;
    std::array<std::uint32_t, FlightTable::kClients> of_client_{};  // by bucket
};

}  // namespace postern::resolver
