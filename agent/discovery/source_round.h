// SPDX-License-Identifier: Apache-2.0
// Asks every source of a configuration once, for a command that waits: its own loop and clients. Main thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/cloud/clients.h"
#include "agent/discovery/discovery_sources.h"
#include "core/loop.h"
#include "core/random.h"

namespace postern::agent {

class SourceRound {
  public:
    /// `upstreams`: DNS servers for the names of the API and of targets.
    SourceRound(const AliyunConfig& config, const std::vector<core::SocketAddress>& upstreams);

    using Answers = std::map<std::string, core::Result<EndpointReport>>;
    /// The report of each key (source_key.h). Each source has its own time limits. `interrupted` is polled ten times a
    /// second; once it is true what is missing is kCancelled.
    Answers ask(const std::vector<std::string>& keys, const std::function<bool()>& interrupted);

    CloudStack& cloud() { return cloud_; }
    core::Loop& loop() { return loop_; }

  private:
    void keep_turning();

    core::Loop loop_;
    core::SystemClock clock_{loop_};
    core::SystemRandom random_;
    AresLookup lookup_;
    CloudStack cloud_;
    DiscoverySources sources_;
    core::Timer start_, turn_;
};

}  // namespace postern::agent
