// SPDX-License-Identifier: Apache-2.0
// Starts attempts. An interface because the simulations need attempts without sockets that end by a fake clock
// (tests/sim/fake_prober.h); the real one is NetworkLauncher in probe_run.h. Loop thread.
#pragma once

#include <functional>
#include <memory>

#include "probe/probe_types.h"

namespace postern::probe {

using ProbeDone = std::function<void(ProbeResult)>;

/// An attempt in progress. Destroying it cancels it: the callback is not called then. It may be destroyed
/// inside the callback.
class RunningProbe {
  public:
    virtual ~RunningProbe() = default;
};

class ProbeLauncher {
  public:
    virtual ~ProbeLauncher() = default;
    /// Never nullptr. Calls `done` exactly once, on the loop thread, never from inside launch(). An attempt that
    /// can't be made (no descriptors, no ports, an unreadable CA file) gives a result with a local_* reason.
    virtual std::unique_ptr<RunningProbe> launch(const ProbeTarget& target, ProbeDone done) = 0;
};

}  // namespace postern::probe
