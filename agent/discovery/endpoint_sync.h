// SPDX-License-Identifier: Apache-2.0
// Keeps the endpoint sets of all links: polls the provider, keeps the last good set through failures, passes each
// changed set to its listener. One object, owned by Steering, loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/discovery/known_source.h"
#include "agent/endpoint/provider.h"
#include "core/clock.h"
#include "core/message.h"
#include "core/random.h"

namespace postern::agent {

struct Snapshot;

struct DiscoveryCounters {
    RequestCounts requests;  // {action, code}; code "ok" or the API's
    std::uint64_t changes = 0;
    Micros last_success_wall_us = 0;
    std::map<std::string, Micros> since_poll_us;  // by source: since its last poll began; without those not yet polled
};

class EndpointSync {
  public:
    /// The user of the addresses: Steering, or a simulation. It may destroy the EndpointSync inside any of these.
    class Listener {
      public:
        virtual ~Listener() = default;
        /// The link's set changed, or became known.
        virtual void on_addresses(const std::string& link, const EndpointSet& addresses) = 0;
        /// fill() has changes to save.
        virtual void save_addresses() = 0;
        /// The address is probed and not down: then even an end that the API states waits for the grace time.
        virtual bool may_work(const core::IpAddress& ip) const = 0;
    };

    EndpointSync(core::Clock& clock, core::Random& random, Provider& provider, Listener& listener);
    ~EndpointSync();

    /// The links, at the start and at every reload: links that stay keep their state. Fixed addresses are known at
    /// once (on_addresses runs inside this call for them, and for links whose set changed).
    void configure(const Config& config);
    /// The saved state. After configure(), before start(): used until the first poll answers.
    void restore(const Snapshot& snapshot);
    /// Starts polling.
    void start();
    void stop();
    /// Polls every source now; `done` runs when all have answered or failed since this call, or after a minute. At most
    /// once in two seconds, one round after the other.
    void refresh(std::function<void()> done);

    /// An address of the link failed: its sources are polled within half a minute (random delay: a zone failure hits
    /// every host at once), each at most once in a poll interval.
    void probe_failed(const std::string& link);

    /// Starts polls again that were lost by a fault of this program, and says so in warnings(). To be called now and then.
    void restart_overdue();

    /// Unknown links: an empty status with source "none".
    DiscoveryStatus status(const std::string& link) const;
    DiscoveryCounters counters() const;
    /// See Provider.
    core::Message clock_problem() const;
    /// Problems that do not stop it from working (a suspiciously empty reply), at most one sentence for each source.
    std::vector<core::Message> warnings() const;
    /// When the source is polled next, monotonic; in the past: it waits for others; kNever: a poll is under way, or there
    /// is no such source.
    Micros next_poll_mono_us(const std::string& source) const;
    /// Adds the sources to a snapshot (region, zone and api_hosts are the caller's).
    void fill(Snapshot& snapshot) const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace postern::agent
