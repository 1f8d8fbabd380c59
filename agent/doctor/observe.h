// The looking: each part by itself, so that they can go side by side. All are bounded in time and change nothing.
#pragma once

#include "agent/doctor/observed.h"
#include "agent/doctor/request.h"

namespace postern::agent::doctor {

ConfigSeen look_at_config(const Request& request);
/// At most 2 s.
AgentSeen look_at_agent(const Config& config);
/// The endpoints that links name or have found, asked of the cloud. Each request has the API client's bounds.
CloudSeen look_at_cloud(const Config& config, const std::vector<probe::ProbeTarget>& targets);
/// Of links that nobody else knows an address of, those that the cloud has just named.
std::vector<probe::ProbeTarget> targets_in(const CloudSeen& cloud, const Config& config,
                                           const std::vector<probe::ProbeTarget>& known);
/// The addresses as agent, snapshot or configuration know them, or those of the command line. Empty: none is known.
std::vector<probe::ProbeTarget> look_for_targets(const Request& request, const ConfigSeen& config);
/// At most 5 s a name at our own server and 10 s as programs ask.
/// Without a server of ours (`config` nothing) only what programs get.
DnsSeen look_at_dns(const std::optional<Config>& config, const std::vector<probe::ProbeTarget>& targets);
HostSeen look_at_host(const Config& config, const std::vector<std::string>& names);
/// In the order of the targets; at most as long as the longest of their timeouts.
std::vector<PathSeen> look_at_paths(const std::vector<probe::ProbeTarget>& targets);

}  // namespace postern::agent::doctor
