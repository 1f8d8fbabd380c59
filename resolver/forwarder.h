// SPDX-License-Identifier: Apache-2.0
// Forwards questions to the upstreams: one flight per distinct question, the next server after an error or silence,
// TCP after a truncated reply, all within a fixed time. Owns the flights; passive, it gets the clock, random numbers
// and packets from outside. Loop thread.
//
//   ask() ─► joins a flight, or starts one ─► attempt ─► reply ok ──────────────► FlightOwner::flight_done
//                                               ├─ error reply, ICMP ─► next server at once
//                                               ├─ silence ─► next server, the first may still answer
//                                               └─ TC ─► the same server over TCP
#pragma once

#include <array>
#include <queue>

#include "core/random.h"
#include "resolver/flight_table.h"
#include "resolver/upstream_transport.h"

namespace postern::resolver {

/// How a flight ended. `reply` is nullptr when no server gave a usable reply: SERVFAIL with `ede`.
struct FlightResult {
    const ReplyView* reply = nullptr;
    ByteView message;  // the bytes of `reply`
    std::int32_t ede = kEdeNone;
    const Upstream* from = nullptr;
    core::Micros rtt_us = 0;
};

/// Receives the results. The flight is valid during the calls; they must not call ask().
class FlightOwner {
  public:
    virtual ~FlightOwner() = default;
    virtual void flight_done(Flight& flight, const FlightResult& result) = 0;
    /// `patience_until` has passed. True: the owner has answered the waiters, and the flight goes on without them.
    virtual bool flight_lingers(Flight& flight) = 0;
};

struct ForwarderLimits {
    core::Micros budget_us = 4 * core::kSecond;
    std::size_t max_inflight = 4096;
    std::size_t max_waiters = 16384;  // of all flights; when it is reached a client may have up to 1/64 of it
};

class Forwarder final : public UpstreamEvents {
  public:
    enum class Asked { kStarted, kJoined, kLoop, kOverload };

    Forwarder(core::Clock& clock, core::Random& random, core::StatsPage& stats);
    ~Forwarder() override;
    /// To be called first. Both must outlive this object, unless connect(nullptr, nullptr) is called before they end:
    /// flights are then neither cancelled nor reported.
    void connect(UpstreamTransport* transport, FlightOwner* owner);

    /// New servers and limits. Flights in progress keep their servers.
    void configure(UpstreamList upstreams, const ForwarderLimits& limits);
    const UpstreamList& upstreams() const { return upstreams_; }

    /// Adds the waiter to a flight; the result may be reported from inside this call. `stale_after_us` sets
    /// Flight::patience_until; 0: never. Not added: kLoop, the query is one of our own that came back; kOverload,
    /// there are too many waiters and this client has its share.
    Asked ask(const FlightKey& key, Waiter waiter, core::Micros stale_after_us);
    /// Starts a flight without a waiter, to refresh the cache. No effect if the question is in flight or there
    /// is no room.
    void prefetch(const FlightKey& key, ByteView question);

    std::size_t inflight() const { return flights_.size(); }

    bool on_reply(std::uint64_t cookie, ByteView message) override;
    void on_failure(std::uint64_t cookie, int error) override;

  private:
    using Slot = FlightTable::Slot;
    struct Wake {
        core::Micros at;
        Slot slot;
        std::uint32_t generation;
        bool operator>(const Wake& other) const { return at > other.at; }
    };

    Slot start(const FlightKey& key, ByteView question, std::uint64_t hash, std::uint16_t client,
               core::Micros stale_after_us);
    bool has_room_for(std::uint8_t client) const;
    void add_waiter(Flight& f, Waiter waiter);
    void drop_waiters(Flight& f);
    void order_servers(Flight& f);
    void try_next(Slot slot);
    bool send(Slot slot, std::size_t server, bool edns, bool tcp, bool extra = false);
    void drop_silent(Flight& f, std::size_t server);
    core::Micros patience(const Flight& f, const Attempt& a) const;
    void error_reply(Slot slot, std::size_t server, bool extra, ByteView message);
    bool cookie_fits(Attempt& attempt, const ReplyView& view) const;
    bool foreign_reply(Slot slot, Attempt& attempt);
    void reply_ok(Slot slot, const Attempt& attempt, ByteView message, const ReplyView& view);
    void give_up(Slot slot, std::int32_t ede);
    void finish(Slot slot, const FlightResult& result);
    void schedule(Slot slot);
    void arm();
    void on_timer();
    void wake(Slot slot);
    bool is_own_query(const Flight& f, const Waiter& waiter) const;
    Attempt* find(std::uint64_t cookie, Slot* slot);

    core::Clock& clock_;
    core::Random& random_;
    core::StatsPage& stats_;
    UpstreamTransport* transport_ = nullptr;
    FlightOwner* owner_ = nullptr;
    UpstreamList upstreams_;
    ForwarderLimits limits_;
    std::uint64_t seed_;

    FlightTable flights_;
    std::size_t waiters_ = 0;
    std::array<std::uint32_t, FlightTable::kClients> waiting_of_client_{};  // waiters by client bucket
    std::priority_queue<Wake, std::vector<Wake>, std::greater<>> wakes_;
    core::Micros armed_for_ = core::kNever;
    core::Timer timer_;
    core::Bytes scratch_;
};

}  // namespace postern::resolver
