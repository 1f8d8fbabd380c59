// SPDX-License-Identifier: Apache-2.0
// Probes several targets once, in parallel, for a command that waits for them.
#pragma once

#include <vector>

#include "core/loop.h"
#include "probe/probe_run.h"

namespace postern::agent {

/// At most 32 at a time; results in the order of the targets. Runs the loop until all are done.
std::vector<probe::ProbeResult> probe_each(core::Loop& loop, probe::NetworkLauncher& launcher,
                                           const std::vector<probe::ProbeTarget>& targets);

/// Then sends a large ClientHello to the addresses whose small one passed, and sets `large_hello` of their results: the
/// first 32 at most.
void send_large_hellos(core::Loop& loop, core::Clock& clock, const std::vector<probe::ProbeTarget>& targets,
                       std::vector<probe::ProbeResult>& results);

}  // namespace postern::agent
