// SPDX-License-Identifier: Apache-2.0
// All observations of one run, and the findings that they come to: every judge, and what explains what. Pure.
#pragma once

#include <optional>
#include <vector>

#include "agent/doctor/judge.h"

namespace postern::agent::doctor {

/// An absent part was not done in time.
struct Seen {
    ConfigSeen config;  // with a configuration
    std::vector<probe::ProbeTarget> targets;
    std::optional<AgentSeen> agent;
    std::optional<CloudSeen> cloud;
    std::optional<DnsSeen> dns;
    std::optional<HostSeen> host;
    std::optional<std::vector<PathSeen>> paths;
    std::optional<PodSeen> pod = {};  // it is a pod, without an agent of its own
};

/// The findings in the order of the steps; what follows from another is kSkip with its code.
Findings diagnose(const Seen& seen, core::Micros now_wall_us);

/// Merges what this host lacks, sorts by step, and folds what `earlier` or `findings` explain.
void arrange(const Findings& earlier, Findings& findings);

/// Skipped because of kNoTime.
Findings out_of_time(std::initializer_list<Step> steps);

}  // namespace postern::agent::doctor
