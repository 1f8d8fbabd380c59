// SPDX-License-Identifier: Apache-2.0
// The object store for a command that runs once: a loop of its own, the clients of the cloud, Ctrl-C. Main thread.
#pragma once

#include "agent/client/console.h"
#include "agent/cloud/clients.h"
#include "agent/fleet/fleet_client.h"

namespace postern::agent {

class StoreSession {
  public:
    explicit StoreSession(const Config& config);

    core::Clock& clock() { return clock_; }
    ObjectStore& store() { return store_; }
    /// Turns the loop until it is so. False when interrupted.
    template <class Ready>
    bool wait(Ready ready) {
        while (!ready() && !interruptible_.interrupted())
            loop_.run_once();
        return ready();
    }
    /// False when interrupted.
    bool sleep(core::Micros us);
    /// Runs it from the loop, as the clients expect.
    void from_loop(std::function<void()> work) { start_.start_in(0, std::move(work)); }

  private:
    void keep_turning();

    Interruptible interruptible_;
    core::Loop loop_;
    core::SystemClock clock_{loop_};
    core::SystemRandom random_;
    AresLookup lookup_;
    CloudStack cloud_;
    ObjectStore store_;
    core::Timer start_{clock_}, turn_{clock_};
};

}  // namespace postern::agent
