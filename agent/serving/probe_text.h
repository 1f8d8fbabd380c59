// SPDX-License-Identifier: Apache-2.0
// Probe results in blackbox_exporter's metrics, so that its dashboards and alerts work unchanged. What it has no
// metric for (each address, the exact reason of a failure) has our prefix. Pure.
#pragma once

#include <string>
#include <vector>

#include "probe/probe_types.h"
#include "probe/verdict.h"

namespace postern::agent {

struct ProbedAddress {
    probe::ProbeResult result;
    bool has_token = true;  // without one, a reply that asks for it is the best result
};

/// One probe. Success is `policy` over the addresses; without addresses: no success.
std::string probe_text(probe::Kind kind, probe::LinkPolicy policy, const std::vector<ProbedAddress>& addresses);

}  // namespace postern::agent
