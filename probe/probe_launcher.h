// Starting one attempt. An interface, because the simulation needs attempts that cost no socket and end when the fake
// clock says so (tests/sim/fake_prober.h). The real one is NetworkLauncher in probe_run.h.
#pragma once

#include <functional>
#include <memory>

#include "probe/probe_types.h"

namespace postern::probe {

using ProbeDone = std::function<void(ProbeResult)>;

/// An attempt under way. Destroying it cancels: its callback will not fire. It may be destroyed inside that callback.
class RunningProbe {
  public:
    virtual ~RunningProbe() = default;
};

class ProbeLauncher {
  public:
    virtual ~ProbeLauncher() = default;
    /// Never null. `done` is called exactly once, on the loop thread, never from inside launch(). What keeps an attempt
    /// from being made (descriptors, ports, an unreadable CA file) is a result with a local_* reason.
    virtual std::unique_ptr<RunningProbe> launch(const ProbeTarget& target, ProbeDone done) = 0;
};

}  // namespace postern::probe
