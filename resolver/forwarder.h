// SPDX-License-Identifier: Apache-2.0
// Forwards questions to the upstreams: one flight per distinct question, the next server after an error or silence,
// TCP after a truncated reply, the same server with fewer extras where it does not cope with them. Owns the flights;
// passive, it gets the clock, random numbers and packets from outside. Loop thread.
//
//   ask() ─► joins a flight, or starts one ─► attempt ─► reply ok ──────────────► FlightOwner::flight_done
//                                               ├─ error reply, ICMP ─► next server at once
//                                               ├─ silence ─► next server, the first may still answer
//                                               └─ TC, no cookie, … ─► the same server in another way (reply_judge)
//
// At the deadline, servers that are silent to everybody have failed. While one of them answers others it is only slow
// with this question: the flight goes on until shortly before the client gives up. In both cases the flight then
// lingers without clients, so that a late reply gets into the cache.
#pragma once

#include "core/random.h"
#include "resolver/flight_table.h"
#include "resolver/start_queue.h"
#include "resolver/upstream_transport.h"
#include "resolver/waiting_clients.h"
#include "resolver/wake_queue.h"

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
    core::Micros budget_us = 4 * core::kSecond;   // for servers that are silent to everybody
    core::Micros client_us = 10 * core::kSecond;  // how long a client asks again before it gives up
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
    /// While many queries arrive at once new flights send nothing yet: they start a few a turn of the loop, so that private
    /// and cached answers do not wait for them.
    void burst(bool on) { burst_ = on; }
    /// Starts a flight without a waiter, to refresh the cache. No effect if the question is in flight or there
    /// is no room.
    void prefetch(const FlightKey& key, ByteView question);

    /// Flights that clients wait for, and prefetches.
    std::size_t inflight() const { return flights_.size(); }

    bool on_reply(std::uint64_t cookie, ByteView message) override;
    void on_failure(std::uint64_t cookie, int error) override;

  private:
    using Slot = FlightTable::Slot;
    struct LoopCheck {
        Name name;
        UpstreamPointer upstream;
        core::Micros until;
    };

    Slot start(const FlightKey& key, ByteView question, std::uint64_t hash, std::uint16_t client,
               core::Micros stale_after_us);
    void order_servers(Flight& f);
    void try_next(Slot slot);
    bool send(Slot slot, std::size_t server, Extras extras, bool tcp, bool extra = false);
    UpstreamTransport::Sent send_query(const Attempt& a, std::uint64_t cookie, ByteView query);
    bool make_room(Slot slot);
    void knock(const UpstreamPointer& upstream);
    void error_reply(Slot slot, std::size_t server, bool extra, ByteView message);
    bool foreign_reply(Slot slot, Attempt& attempt);
    void wrong_cookie(Slot slot, Attempt& attempt);
    void confirm_over_tcp(Slot slot, std::size_t attempt);
    bool give_up_cookies(Slot slot, std::size_t server);
    void reply_ok(Slot slot, const Attempt& attempt, ByteView message, const ReplyView& view);
    void give_up(Slot slot, std::int32_t ede);
    void out_of_time(Slot slot);
    void linger(Slot slot);
    void finish(Slot slot, const FlightResult& result);
    void tell_failure(Flight& f, std::int32_t ede);
    void await_late_reply(Slot slot);
    bool end_oldest_lingering();
    void end(Slot slot);
    void close(Slot slot);
    void release(Slot slot);
    void schedule(Slot slot);
    void wake(Slot slot);
    void ask_alone(const UpstreamPointer& upstream, const FlightKey& key, ByteView question);
    bool is_own_query(const Flight& f, const Waiter& waiter) const;
    void look_for_loop(const Flight& f, const Waiter& waiter);
    bool is_loop(const Name& name);
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
    WaitingClients clients_;
    WakeQueue wakes_;
    StartQueue starts_;
    std::vector<LoopCheck> loop_checks_;
    bool burst_ = false;
    core::Bytes scratch_;
};

}  // namespace postern::resolver
