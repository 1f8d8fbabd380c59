// Results of probes as blackbox_exporter would say them, so that its dashboards and alerts work unchanged.
// What it has no word for (each address, the true reason of a failure) comes with our prefix. Pure.
#pragma once

#include <string>
#include <vector>

#include "probe/probe_types.h"
#include "probe/verdict.h"

namespace postern::agent {

struct ProbedAddress {
    probe::ProbeResult result;
    bool has_token = true;  // without one, an answer that asks for it is all that can be reached
};

/// One probe's worth. Success is `policy` over the addresses; none: no success.
std::string probe_text(probe::Kind kind, probe::LinkPolicy policy, const std::vector<ProbedAddress>& addresses);

}  // namespace postern::agent
