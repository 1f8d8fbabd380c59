// From what was seen to findings, a step at a time. Pure: time and place are in the arguments. Each gives a finding at
// least; nothing is folded yet.
#pragma once

#include "agent/doctor/observed.h"
#include "agent/faults/finding.h"

namespace postern::agent::doctor {

using Findings = std::vector<Finding>;

Findings judge_config(const ConfigSeen& seen);
Findings judge_agent(const AgentSeen& seen);
/// credentials, api, endpoint and security_group. `agent_discovers`: the agent has what this command may lack, credentials.
Findings judge_cloud(const CloudSeen& seen, bool agent_discovers = false);
/// Whether the link takes addresses of that zone.
bool wants(const LinkConfig& link, const std::string& zone);
/// Whether the addresses of a link are those that its endpoints have now. Nothing is found where the cloud did not say.
Findings judge_drift(const LinkConfig& link, const std::vector<PathSeen>& paths, const CloudSeen& cloud);
/// stub, system, hosts and resolv_conf, which explain each other.
Findings judge_dns(const DnsSeen& dns, const HostSeen& host);
/// address, tcp, tls, http, sql and ws of one link. `let_in`: the cloud says that its endpoint is connected and lets this
/// host in, so that silence has other reasons.
Findings judge_path(const std::string& link, const std::vector<PathSeen>& paths, core::Micros now_wall_us,
                    bool let_in = false);
/// `listen`: where our own DNS answers.
Findings judge_environment(const HostSeen& host, const std::vector<std::string>& names, bool upstreams_fail,
                           const std::vector<core::SocketAddress>& listen = {});

/// A finding with the severity of its code.
Finding found(std::string_view code, std::string link, std::string ip, Values values);
Finding passed(Step step, std::string link, std::string ip, Values values);
/// `because`: of what this run had no time or no right to look at.
inline constexpr const char* kNoTime = "time";
inline constexpr const char* kNoRoot = "root";
inline constexpr const char* kAgentHas = "agent";  // the agent does it in this command's place
/// Without a code that explains it: the catalogue's "skipped" text of the step does.
Finding skipped(Step step, std::string link = {}, std::string ip = {}, std::string because = {});

}  // namespace postern::agent::doctor
