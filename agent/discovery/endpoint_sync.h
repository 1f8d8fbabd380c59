// Keeps the endpoint sets of all links: polls the provider, survives its failures, hands each changed set to its
// listener. One object, owned by steering, loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/endpoint/provider.h"
#include "core/clock.h"
#include "core/random.h"

namespace postern::agent {

struct Snapshot;

/// What discovery knows about one link; for status, metrics, doctor.
struct DiscoveryStatus {
    bool known = false;  // a set is known (API, snapshot or fixed addresses)
    std::string source;  // "api" | "dns" | "file" | "snapshot" | "fixed" | "none"
    EndpointSet addresses;
    Micros confirmed_wall_us = 0;  // last time the source said exactly this
    Micros asked_wall_us = 0;      // last time all of its sources answered, with whatever; 0: not yet
    Micros changed_wall_us = 0;
    std::string request_id;            // of the confirming reply
    std::string waiting_for;           // why_not_ready(), "" when addresses are ready
    std::optional<core::Error> error;  // of the last poll; cleared by a success
    Micros error_since_wall_us = 0;
    std::vector<EndpointReport> reports;
};

struct DiscoveryCounters {
    RequestCounts requests;  // {action, code}; code "ok" or the API's
    std::uint64_t changes = 0;
    Micros last_success_wall_us = 0;
};

class EndpointSync {
  public:
    /// Who uses the addresses: steering, and the simulations. It may destroy the EndpointSync inside any of these.
    class Listener {
      public:
        virtual ~Listener() = default;
        /// The link's set changed, or is known for the first time.
        virtual void on_addresses(const std::string& link, const EndpointSet& addresses) = 0;
        /// What fill() gives is worth writing to disk.
        virtual void save_addresses() = 0;
        /// It is probed and not found dead: then even an end that the API states waits for the grace time.
        virtual bool may_work(const core::IpAddress& ip) const = 0;
    };

    EndpointSync(core::Clock& clock, core::Random& random, Provider& provider, Listener& listener);
    ~EndpointSync();

    /// The links, first and at every reload: what stays keeps what it knows. Fixed addresses are known at once
    /// (on_addresses runs inside this call for them, and for links whose set became different).
    void configure(const Config& config);
    /// What the disk remembers. After configure(), before start(): serves until the first poll answers.
    void restore(const Snapshot& snapshot);
    /// Polls begin at once.
    void start();
    void stop();
    /// Polls every source now; `done` runs when all have answered or failed. At most once in two seconds: sooner calls
    /// are done when the polls under way are, or at once.
    void refresh(std::function<void()> done);

    /// An address of the link stopped working: its sources are asked within half a minute (at random: a zone that dies
    /// does so for every host at once), each at most once in a poll interval.
    void probe_failed(const std::string& link);

    /// Unknown links: an empty status with source "none".
    DiscoveryStatus status(const std::string& link) const;
    DiscoveryCounters counters() const;
    /// What works but should be put right (a wrong clock, a suspiciously empty reply), one sentence each.
    std::vector<std::string> warnings() const;
    /// Every source has answered, failed once, or is known from the snapshot: /readyz need not wait for more.
    bool first_round_done() const;
    /// Adds the sources to a snapshot (region, zone and api_hosts are the caller's).
    void fill(Snapshot& snapshot) const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace postern::agent
