// SPDX-License-Identifier: Apache-2.0
// Answers a query: parse, check the client, then private names, local names, cache, upstreams. Knows no socket: a
// packet comes with a ReplyTo, and the reply goes into the caller's buffer or, later, to the ReplySink. Loop thread.
#pragma once

#include <functional>
#include <span>

#include "resolver/active_plan.h"
#include "resolver/cache.h"
#include "resolver/forwarder.h"
#include "resolver/local_names.h"
#include "resolver/query_log.h"

namespace postern::resolver {

/// The result for a packet: a reply of `size` bytes; or, with size 0 and pending, a later reply through the
/// sink; or none.
struct Handled {
    std::size_t size = 0;
    bool pending = false;
};

class QueryHandler final : public FlightOwner {
  public:
    QueryHandler(core::Clock& clock, core::StatsPage& stats, Forwarder& forwarder, Cache& cache, QueryLog& log,
                 ReplySink& sink);
    ~QueryHandler() override;

    /// Used from the next query on. Flights in progress keep their servers.
    void use_plan(PlanPointer plan);
    const PlanPointer& plan() const { return plan_; }

    /// `fn` is called at the start of every batch.
    void on_awake(std::function<void()> fn) { awake_ = std::move(fn); }
    /// `fn` is called at the end of every flight: counters have changed outside of a batch.
    void on_counted(std::function<void()> fn) { counted_ = std::move(fn); }

    /// Queries that come through this UDP endpoint, the health check's own, are answered whatever the plan allows.
    void trust(std::uint64_t endpoint) { trusted_ = endpoint; }
    /// Counts the packets that come through this UDP endpoint from now on.
    void watch(std::uint64_t endpoint) { watched_ = endpoint; }
    std::uint64_t watched_packets() const { return watched_packets_; }

    /// Reads the clock, once for all `packets` that arrived together.
    void begin_batch(std::size_t packets = 1);
    /// Writes the reply into `out` (≥ 512 bytes). A pending one may reach the sink before this returns.
    Handled handle(ByteView packet, const ReplyTo& from, std::span<std::uint8_t> out);
    /// To be called when the replies of a batch are sent: counts the time since begin_batch() as the latency of each
    /// of its `replies`.
    void end_batch(std::uint64_t replies);

    void flight_done(Flight& flight, const FlightResult& result) override;
    bool flight_lingers(Flight& flight) override;

  private:
    struct Context;  // one query while it is handled
    Handled finish(const Context& c, core::Source source, const Sections& sections, const ReplyOptions& options);
    Handled reject(const Context& c, core::ResolverEvent event, std::uint16_t rcode);
    Handled answer_private(const Context& c, const core::OwnerView& owner);
    Handled answer_cached(const Context& c, Cache::Hit hit);
    Handled forward(const Context& c, core::Micros stale_after_us);
    void answer_stale(const std::vector<Waiter>& waiters, const Cache::Entry& entry);
    void answer_private(const std::vector<Waiter>& waiters, const core::OwnerView& owner, std::uint16_t type);
    bool keep_failure(const Flight& flight, const FlightResult& result, std::uint16_t rcode, core::Micros now);
    Handled refuse_client(const Context& c);
    void reply(const Waiter& waiter, core::Source source, const Sections& sections, const ReplyOptions& options);
    Written write(const Asked& asked, const ReplyTo& to, Sections sections, ReplyOptions options,
                  std::span<std::uint8_t> out);
    /// "" when the plan no longer has this server.
    std::string address_of(std::uint32_t upstream) const;
    std::size_t limit_for(const ClientEdns& edns, const ReplyTo& to) const;
    void count_answer(const Asked& asked, const ReplyTo& to, core::Source source, std::uint16_t rcode,
                      core::Micros since);

    core::Clock& clock_;
    core::StatsPage& stats_;
    Forwarder& forwarder_;
    Cache& cache_;
    QueryLog& log_;
    ReplySink& sink_;
    PlanPointer plan_;
    std::vector<std::uint64_t*> link_answers_;  // by index into the plan's links
    std::uint64_t unlisted_answers_ = 0;
    std::uint16_t udp_size_ = 1232;
    std::uint16_t tcp_idle_100ms_ = 100;
    bool trust_ad_ = false;
    core::Micros now_ = 0;
    std::function<void()> awake_;
    std::function<void()> counted_;
    static constexpr std::uint64_t kNoEndpoint = ~std::uint64_t{0};
    std::uint64_t trusted_ = kNoEndpoint, watched_ = kNoEndpoint, watched_packets_ = 0;
    core::Micros refusals_from_ = 0;
    unsigned refusals_ = 0;
    core::Bytes stale_;
    std::vector<std::uint8_t> scratch_;  // a reply to a waiter
};

}  // namespace postern::resolver
