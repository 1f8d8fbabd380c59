// SPDX-License-Identifier: Apache-2.0
// The observations: independent parts, so that they can run in parallel. All are bounded in time and change nothing.
#pragma once

#include "agent/doctor/observed.h"
#include "agent/doctor/request.h"

namespace postern::agent::doctor {

ConfigSeen look_at_config(const Request& request);
/// At most 2 s; 5 s if it is running and can't be reached.
AgentSeen look_at_agent(const Config& config);
/// The endpoints that links name or have found, from the cloud. Each request has the API client's bounds.
CloudSeen look_at_cloud(const Config& config, const std::vector<probe::ProbeTarget>& targets);
/// For links without known addresses, those that the cloud has just returned.
std::vector<probe::ProbeTarget> targets_in(const CloudSeen& cloud, const Config& config,
                                           const std::vector<probe::ProbeTarget>& known);
/// The addresses from agent, snapshot or configuration, or those of the command line. Empty: none is known.
std::vector<probe::ProbeTarget> look_for_targets(const Request& request, const ConfigSeen& config);
/// At most 5 s per name at our own server and 10 s as programs ask.
/// Without a server of ours (`config` is nullopt) only what programs get.
DnsSeen look_at_dns(const std::optional<Config>& config, const std::vector<probe::ProbeTarget>& targets);
/// Whether this process is in a pod of Kubernetes.
bool in_pod();
/// At most 5 s a name.
PodSeen look_at_pod(const std::vector<NameSeen>& names);
HostSeen look_at_host(const Config& config, const std::vector<std::string>& names);
/// In the order of the targets; takes at most three times the longest of their timeouts.
std::vector<PathSeen> look_at_paths(const std::vector<probe::ProbeTarget>& targets);

}  // namespace postern::agent::doctor
