// SPDX-License-Identifier: Apache-2.0
// Fetches the list on a constant beat, verifies it, keeps the last good one. The beat is the same whatever happens - a
// change, a failure, a zone that dies for every host at once -, so that ten thousand hosts are the same load at every
// moment. Owned by the app, loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/config/config.h"
#include "agent/fleet/list_document.h"
#include "agent/store/object_store.h"
#include "core/random.h"

namespace postern::agent {

/// What the reader knows; for status, metrics, doctor.
struct ListStatus {
    bool configured = false;
    std::string place;  // without the query of a URL
    std::string fleet;
    bool only = false;                      // fleet_only: the API is never asked
    std::shared_ptr<const FleetList> list;  // the last good one since the start; nullptr: none yet
    ListNumber newest;                      // the newest that was ever used, also before a restart
    bool asked = false;                     // an attempt has ended since the start
    Micros answered_wall_us = 0;            // last time the store gave a list, or said that it is unchanged; 0: not yet
    std::optional<core::Error> unreachable;  // of the last attempt
    std::optional<ListRefusal> refused;      // why what the store has is not used
    Micros trouble_since_wall_us = 0;        // of either
    std::uint64_t requests = 0, failures = 0;
};

/// What outlives a restart: without it an older list, replayed, would be taken.
struct ListMark {
    std::string fleet;
    ListNumber newest;
    bool operator==(const ListMark&) const = default;
};

class ListReader {
  public:
    /// The reader of lists, told from the loop.
    class Listener {
      public:
        virtual ~Listener() = default;
        /// A newer list is in use; or the first attempt since the start has failed.
        virtual void list_news() = 0;
    };

    ListReader(core::Clock& clock, core::Random& random, ObjectStore& store, Listener& listener);
    /// No callback runs after it.
    ~ListReader();

    /// At the start and at a reload. Another place, fleet, or set of keys begins anew, and at once.
    void configure(const FleetConfig& config);
    /// After configure(), before start().
    void restore(const ListMark& mark);
    void start();
    void stop();
    /// A person asks: an attempt out of turn, at most one in two seconds. The beat goes on as it was.
    void fetch_now();

    const ListStatus& status() const { return status_; }
    ListMark mark() const { return {status_.fleet, status_.newest}; }
    /// Of the store, which has refused this host's time before: for judging times.
    Micros wall_us() const;

  private:
    void beat();
    void fetch();
    void fetched(core::Result<StoredObject> object);
    void judge(const StoredObject& object);
    void refuse(const ListRefusal& refusal);
    void fail(const core::Error& error);
    void over();
    void settle();

    core::Clock& clock_;
    core::Random& random_;
    ObjectStore& store_;
    Listener& listener_;
    FleetConfig config_;
    ObjectPlace place_;
    std::vector<PublicKey> keys_;
    ListStatus status_;
    std::string etag_;  // of what the store has, used or refused
    core::Timer beat_;
    bool running_ = false, fetching_ = false;
    Micros began_mono_us_ = 0;
    std::uint64_t attempt_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace postern::agent
