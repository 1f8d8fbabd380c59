// SPDX-License-Identifier: Apache-2.0
// Between one host's status and its fleet: what this host reports of itself, and the verdict on all. Pure; any thread.
#pragma once

#include "agent/fleet/fleet_view.h"
#include "agent/status/status.h"

namespace postern::agent {

/// What the status says, for other hosts' eyes: no secret, no path. Fleet, time and interval are the writer's.
HostReport report_of(const StatusSnapshot& snapshot);

/// Unknown without a host that reports in time; failed where a name is down for all; degraded where anything else is wrong.
Overall overall_of(const FleetView& view);

}  // namespace postern::agent
