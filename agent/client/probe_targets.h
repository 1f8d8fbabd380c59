// What `postern probe` probes: from the command line alone, or from the configuration with the addresses that
// the running agent, the saved snapshot or the configuration itself knows.
#pragma once

#include <string>
#include <vector>

#include "agent/client/target_wish.h"
#include "core/error.h"
#include "probe/probe_types.h"

namespace postern::agent {

struct ProbeTargets {
    std::vector<probe::ProbeTarget> targets;
    std::vector<std::string> notes;  // "the agent does not run: addresses are those of the snapshot of …"
};

/// kUsage, kFileUnreadable … when there is nothing that could be probed; mistakes in the configuration were
/// printed.
core::Result<ProbeTargets> probe_targets(const TargetWish& wish);
/// With a configuration that was loaded already.
core::Result<ProbeTargets> probe_targets(const Config& config, const TargetWish& wish);

}  // namespace postern::agent
