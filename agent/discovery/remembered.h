// SPDX-License-Identifier: Apache-2.0
// The addresses of a link without the running agent: fixed ones, its zones file as it is now, the saved snapshot, and
// without a usable snapshot what the plan on disk answers, so that neither a start of the agent nor `plan compile`
// worsens the resolver's answers. Reads files inside the call; any thread.
#pragma once

#include "agent/config/paths.h"
#include "agent/discovery/snapshot_store.h"
#include "core/plan.h"

namespace postern::agent {

/// The saved snapshot; if none is usable, snapshot_from_plans().
LoadedSnapshot load_remembered(const Paths& paths, const Config& config);
/// snapshot_from() the first plan on disk that has an address; else empty.
Snapshot snapshot_from_plans(const Paths& paths, const Config& config);
/// The addresses in the plan for each link's name, recorded for the link's first source (a plan contains neither
/// sources nor zones). Nothing for links with fixed addresses, nor for names that are not in the plan.
Snapshot snapshot_from(const core::PlanView& plan, const Config& config);

/// The addresses of a link from the snapshot alone (including its fixed addresses), only those in its zones.
EndpointSet addresses_from(const Snapshot& snapshot, const LinkConfig& link);

struct RememberedAddresses {
    EndpointSet addresses;
    bool saved = false;  // from the snapshot: neither fixed nor from the zones file
};
/// The same, with the zones file as it is now instead of its saved addresses.
RememberedAddresses remembered_addresses(const Snapshot& snapshot, const Config& config, const LinkConfig& link);

}  // namespace postern::agent
