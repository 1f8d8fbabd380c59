// SPDX-License-Identifier: Apache-2.0
// The names for a publisher that goes on: the agent's own discovery, probes and verdicts (steering/), without a resolver. The
// configuration's file is followed. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "agent/config/config.h"
#include "agent/publish/cluster_change.h"
#include "core/loop.h"
#include "core/random.h"

namespace postern::agent::publish {

class SteeredNames {
  public:
    /// `link` "": all. `changed` is called, from the loop, when names() may be another.
    SteeredNames(core::Loop& loop, core::Clock& clock, core::Random& random, const Config& config, std::string link,
                 std::function<void()> changed);
    ~SteeredNames();

    void start();
    void stop();
    /// An address whose verdict is too old counts as good, as everywhere.
    std::vector<ClusterName> names() const;
    /// The probes have had the time to judge what is down: until then a publisher that has just started knows less than
    /// what is published already.
    bool settled();

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace postern::agent::publish
