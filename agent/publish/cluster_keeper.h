// SPDX-License-Identifier: Apache-2.0
// Keeps names published in a cluster: one of several publishers writes, changes are written at once (ACK's at most every 20 s),
// what others changed is noticed, and a cluster that can't be asked is asked again with growing pauses. Passive: turn() does
// what is due and says when to come again. Owned by the command; one thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/k8s/lease.h"
#include "agent/publish/cluster_change.h"
#include "core/backoff.h"
#include "core/random.h"

namespace postern::agent::publish {

inline constexpr core::Micros kLookAgain = 30 * core::kSecond;  // at what may have been changed by others

class ClusterKeeper {
  public:
    /// `me`: in the Lease; nobody else's.
    ClusterKeeper(k8s::Cluster& cluster, core::Clock& clock, core::Random& random, ClusterTask task, std::string me);

    /// What ought to be there. Names whose addresses are not known keep what they have.
    void want(std::vector<ClusterName> names);
    /// The monotonic time of the next turn; earlier after want().
    core::Micros turn();
    /// At an end: gives the Lease back.
    void end();

    bool leads() const { return lease_.held(clock_.mono_us()); }
    const std::string& holder() const { return lease_.holder(); }

    /// For a single run: the Lease as it is now. kTaken: it is ours; kOther: another publisher is at work.
    enum class Claim { kTaken, kOther, kUnknownYet };
    core::Result<Claim> claim();

  private:
    core::Result<k8s::Lease::Turn> look_at_lease();
    core::Result<k8s::Written> write_lease();
    void turn_lease(core::Micros now);
    void turn_names(core::Micros now);
    void tell(const ClusterOutcome& outcome);
    void tell_problem();

    k8s::Cluster& cluster_;
    core::Clock& clock_;
    core::Random& random_;
    ClusterTask task_;
    k8s::Lease lease_;
    std::vector<ClusterName> names_;
    bool led_ = false, followed_ = false, failing_ = false;
    core::Micros lease_due_ = 0, names_due_ = 0;
    core::Backoff lease_pause_{core::kSecond, 15 * core::kSecond}, names_pause_{core::kSecond, 30 * core::kSecond};
    /// What is wrong, and its kind: the same cause, met at another object, is no news.
    struct Problem {
        std::string kind, text;
        void add(const std::string& kind, const std::string& text);
    };
    Problem lease_problem_, names_problem_;
    std::string told_;           // the kind
    std::string first_renewal_;  // of another's Lease, for claim()
};

}  // namespace postern::agent::publish
