// SPDX-License-Identifier: Apache-2.0
#include "resolver/waiting_clients.h"

#include <algorithm>
#include <iterator>

namespace postern::resolver {
namespace {

constexpr std::size_t kShareBeyond = 64;  // with the limit reached a client may have 1/64 of it
constexpr std::size_t kMaxKept = 64;      // capacity of `waiters` that is kept for the next flight
constexpr std::size_t kLookedAt = 16;     // the last waiters, among which a retransmission is looked for

}  // namespace

/// A client that repeats one question can fill the limit; the others are still accepted.
bool WaitingClients::admit(Waiter& waiter) const {
    const core::IpAddress ip = waiter.to.peer.ip();
    waiter.client = static_cast<std::uint8_t>(hash_bytes({ip.data(), ip.size()}, seed_));
    return count_ < most_ || of_client_[waiter.client] < most_ / kShareBeyond;
}

void WaitingClients::add(Flight& f, Waiter waiter) {
    ++count_;
    ++of_client_[waiter.client];
    f.waiters.push_back(std::move(waiter));
}

void WaitingClients::uncount(const Waiter& waiter) {
    --count_;
    --of_client_[waiter.client];
}

void WaitingClients::drop_all(Flight& f) {
    for (const Waiter& w : f.waiters)
        uncount(w);
    f.waiters.clear();
    if (f.waiters.capacity() > kMaxKept) f.waiters = std::vector<Waiter>();  // `= {}` would keep the memory
}

std::vector<Waiter> WaitingClients::take_later(Flight& f, core::Micros since) {
    const auto first =
        std::stable_partition(f.waiters.begin(), f.waiters.end(), [&](const Waiter& w) { return w.since < since; });
    std::vector<Waiter> later(std::make_move_iterator(first), std::make_move_iterator(f.waiters.end()));
    f.waiters.erase(first, f.waiters.end());
    for (const Waiter& w : later)
        uncount(w);
    return later;
}

bool WaitingClients::is_repeated(const Flight& f, const Waiter& waiter) {
    if (waiter.to.proto != core::Proto::kUdp) return false;
    const auto& all = f.waiters;
    return std::any_of(all.end() - static_cast<std::ptrdiff_t>(std::min(all.size(), kLookedAt)), all.end(),
                       [&](const Waiter& w) {
                           return w.id == waiter.id && w.to.proto == waiter.to.proto &&
                                  w.to.peer.port() == waiter.to.peer.port() && w.to.peer.ip() == waiter.to.peer.ip();
                       });
}

}  // namespace postern::resolver
