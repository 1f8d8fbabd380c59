// SPDX-License-Identifier: Apache-2.0
// The liveness and readiness of the agent, for /livez and /readyz. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/status/status.h"

namespace postern::agent {

/// One check of /livez or /readyz.
struct HealthCheck {
    std::string name;  // "loop", "plan", …: [a-z_]
    bool ok = false;
    std::string reason;  // if not ok: what is missing, in one sentence
};

/// The checks of /livez; a loop that answers is alive.
std::vector<HealthCheck> live_checks(bool schedule_moves);
/// The checks of /readyz from a snapshot: plan, discovery, sweep.
std::vector<HealthCheck> ready_checks(const StatusSnapshot& snapshot);

}  // namespace postern::agent
