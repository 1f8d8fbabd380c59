// SPDX-License-Identifier: Apache-2.0
// Turns observations into findings, step by step. Pure: time and place are arguments. Each returns at least one
// finding; nothing is folded yet.
#pragma once

#include "agent/doctor/observed.h"
#include "agent/faults/finding.h"

namespace postern::agent::doctor {

using Findings = std::vector<Finding>;

Findings judge_config(const ConfigSeen& seen);
Findings judge_agent(const AgentSeen& seen);
/// credentials, api, endpoint and security_group. `agent_discovers`: the agent has the credentials that this
/// command may lack.
Findings judge_cloud(const CloudSeen& seen, bool agent_discovers = false);
/// Whether the link uses addresses of that zone.
bool wants(const LinkConfig& link, const std::string& zone);
/// Whether the addresses of a link are those that its endpoints have now. No finding if the cloud gave no answer.
Findings judge_drift(const LinkConfig& link, const std::vector<PathSeen>& paths, const CloudSeen& cloud);
/// Names that links follow and that leave zones of their endpoint out: as the cloud shows it, else as the agent knows it.
Findings judge_zones(const Config& config, const std::vector<probe::ProbeTarget>& targets, const CloudSeen& cloud,
                     const AgentSeen& agent);
/// stub, system, hosts and resolv_conf, which explain each other.
Findings judge_dns(const DnsSeen& dns, const HostSeen& host);
/// address, tcp, tls, http, sql and ws of one link. `let_in`: according to the cloud the endpoint is connected and
/// lets this host in, so that a missing answer has other causes.
/// `chosen`: the addresses are those of the command line.
Findings judge_path(const std::string& link, const std::vector<PathSeen>& paths, core::Micros now_wall_us,
                    bool let_in = false, bool chosen = false);
/// In a pod, in place of judge_agent() and judge_dns(): stub, system, hosts and resolv_conf, and what keeps a pod's network
/// from the addresses.
Findings judge_pod(const PodSeen& pod, const std::vector<PathSeen>& paths);
/// What this host lacks (PN-LOCAL-*), or its clock, is one finding, whichever steps and links met it.
void merge_host_limits(Findings& findings);
/// A rule that forbids what in fact passes is a warning: of security groups whose links' addresses all connect.
void allow_what_passes(Findings& findings, const std::vector<PathSeen>& paths);
/// `listen`: the addresses of our own DNS.
Findings judge_environment(const HostSeen& host, const std::vector<std::string>& names, bool upstreams_fail,
                           const std::vector<core::SocketAddress>& listen = {},
                           const std::vector<ConnectionsSeen>& connections = {});

/// A finding with the severity of its code.
Finding found(std::string_view code, std::string link, std::string ip, Values values);
Finding passed(Step step, std::string link, std::string ip, Values values);
/// `because`: why this run did not check it.
inline constexpr const char* kNoTime = "time";
inline constexpr const char* kNoRoot = "root";
inline constexpr const char* kAgentHas = "agent";        // the agent does it instead of this command
inline constexpr const char* kInPod = "pod";             // a pod has neither agent nor resolver of its own
inline constexpr const char* kAgentAsks = "agent_asks";  // the agent has the token, and reaches the database
/// Without an explaining code: the catalogue's "skipped" text of the step.
Finding skipped(Step step, std::string link = {}, std::string ip = {}, std::string because = {});

}  // namespace postern::agent::doctor
