// SPDX-License-Identifier: Apache-2.0
// Names written to a cluster, and taken away again: look, write what differs, look again where another wrote in between.
// Blocking; knows no HTTP (tests have a cluster in memory).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/endpoint/endpoint_set.h"
#include "agent/k8s/cluster.h"
#include "core/clock.h"
#include "core/error.h"

namespace postern::agent::publish {

/// As what the names are in the cluster.
enum class ClusterForm { kServices, kCustomDns };

struct ClusterName {
    std::string link, host;
    std::uint16_t port = 443;
    EndpointSet addresses;                // all known; empty: not known, so what is there stays
    std::vector<core::IpAddress> answer;  // those that the verdicts allow, as decide_answer() says; never empty
    bool operator==(const ClusterName&) const = default;
};

struct ClusterOutcome {
    struct Name {
        std::string link, host, service;   // service "": none
        std::vector<core::Message> steps;  // done; in a dry run to be done
        std::vector<std::string> bodies;   // of a dry run: what would be sent
        core::Message left;                // why something is not as it should be, and stays so
        std::optional<core::Error> error;
    };
    std::vector<Name> names;
    std::vector<core::Message> remarks;
    core::Micros wait_us = 0;  // kCustomDns: a change waits that long for the last one to settle
    /// The first error of any name; nullptr for none.
    const core::Error* error() const;
    bool left() const;
};

struct ClusterTask {
    ClusterForm form = ClusterForm::kServices;
    std::string space;  // of the objects
    bool dry_run = false;
};

/// Errors are those of the names; what is done until then stays, and the next call completes it.
ClusterOutcome publish_names(k8s::Cluster& cluster, const ClusterTask& task, const std::vector<ClusterName>& names,
                             core::Micros now_wall_us);
/// `names`: of which links or, for kCustomDns, hosts; `all`: everything of postern's, whatever the configuration says.
ClusterOutcome undo_names(k8s::Cluster& cluster, const ClusterTask& task, const std::vector<ClusterName>& names,
                          bool all, core::Micros now_wall_us);

/// The Lease of the publishers of that form.
std::string lease_name(ClusterForm form);

}  // namespace postern::agent::publish
