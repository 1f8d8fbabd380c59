// SPDX-License-Identifier: Apache-2.0
// The targets of `postern probe`: from the command line alone, or from the configuration with the addresses of the
// running agent, the saved snapshot or the configuration itself.
#pragma once

#include <string>
#include <vector>

#include "agent/client/target_wish.h"
#include "core/error.h"
#include "probe/probe_types.h"

namespace postern::agent {

struct ProbeTargets {
    std::vector<probe::ProbeTarget> targets;
    std::vector<core::Message> notes;  // "the agent does not answer: addresses are those saved at …"
};

/// kUsage, kFileUnreadable … if there is nothing to probe; mistakes in the configuration have been printed.
core::Result<ProbeTargets> probe_targets(const TargetWish& wish);
/// With a configuration that is already loaded.
core::Result<ProbeTargets> probe_targets(const Config& config, const TargetWish& wish);

}  // namespace postern::agent
