// SPDX-License-Identifier: Apache-2.0
// Writes the list: FOLDER/<generation, 20 digits>.json, which must not exist yet, and then FOLDER/current.json, which
// readers fetch. Several publishers do no harm: who finds that the next generation exists has lost, takes it as it is and
// begins anew from it. One that dies between the two writes leaves the old current, and the next one, whoever it is, puts
// the generation that is ahead in its place. One list at a time; owned by a command, loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/fleet/list_document.h"
#include "agent/store/object_store.h"

namespace postern::agent {

struct PublishPlan {
    ObjectPlace current;
    std::string fleet, publisher;
    std::vector<SigningKey> keys;    // that sign, 1 to kMaxListSignatures
    std::vector<PublicKey> trusted;  // of whose lists the next one is made, besides those of `keys`
    Micros validity_us = core::kDay;
    bool replace = false;  // what is at `current` goes, even if it is no list of this fleet
    bool dry_run = false;  // nothing is written
};

struct Published {
    bool written = false;              // false: it was up to date, or a dry run
    FleetList list;                    // what readers find now; in a dry run what they would
    std::string bytes;                 // of it
    std::vector<std::string> kept;     // sources that were not answered and keep what the list had
    std::vector<std::string> missing;  // that were not answered and are in no list
    bool versioned = false;            // the store keeps versions: two publishers are kept apart by reading back alone
};

class Publisher {
  public:
    using Answers = std::map<std::string, core::Result<EndpointReport>>;  // by source key
    using Done = std::function<void(core::Result<Published>)>;

    Publisher(core::Clock& clock, ObjectStore& store, PublishPlan plan);
    /// No callback runs after it.
    ~Publisher();

    /// Another plan, between two publications. Of the same place and fleet nothing older than what was seen is written.
    void use(PublishPlan plan);

    /// Exactly one callback. Errors: of the store; kRefused for a foreign list at that place, kApiNotFound if there is
    /// nothing to publish: an empty list never replaces one.
    void publish(Answers answers, Done done);

    /// The list is written anew, though nothing has changed, after a quarter of its validity.
    static constexpr int kHeartbeats = 4;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

/// "00000000000000000007.json"
std::string generation_name(std::uint64_t generation);

}  // namespace postern::agent
