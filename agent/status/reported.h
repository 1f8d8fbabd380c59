// SPDX-License-Identifier: Apache-2.0
// The faults that parts of the agent report, from these parts' own data. Pure, but for report_upstreams(), which feeds the watch on
// the loop.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/config/running_config.h"
#include "agent/faults/fault.h"
#include "agent/hostdns/report.h"
#include "agent/hostdns/upstream_watch.h"
#include "agent/status/status.h"
#include "core/message.h"

namespace postern::agent {

/// What of the configuration file is not in use; nullopt: all of it is.
std::optional<Fault> config_fault(const ConfigTrouble& trouble, const std::string& file);
/// A remark on the configuration in use.
Fault remark_on(const ConfigIssue& issue, const std::string& file);
/// A CA file that the agent can't use. `kept`: what was loaded before is still in use, so that nothing fails yet. `file` "":
/// the system's store; `config`: the configuration that names it.
Fault ca_file_fault(const std::string& file, const core::Message& problem, bool kept, const std::string& config);
/// This host's clock differs from the cloud API's (describe_clock_offset()); requests carry the API's time meanwhile.
Fault clock_fault(const core::Message& problem);
/// A reply of a source that is not believed as it stands.
Fault doubt_about_discovery(const core::Message& problem);
/// Of the fleet's list: it can't be read, is not used, is old. Any of them, or none.
std::vector<Fault> list_faults(const ListStatus& list, Micros now_wall_us);
/// This host's report to the fleet can't be written; nullopt: it can, or there is none.
std::optional<Fault> report_fault(const ReportStatus& report);
/// The configuration file was changed since the agent read it.
Fault config_older(const std::string& file, Micros loaded_wall_us, Micros changed_wall_us);
/// That no upstream resolves names, and how; nullopt while one may.
std::optional<Fault> upstream_fault(const std::vector<UpstreamSeen>& upstreams);
/// Gives the watch the resolver's counters of now, and the status what the watch knows of each upstream.
std::optional<Fault> report_upstreams(UpstreamWatch& watch, ResolverStatus& resolver);
/// Of the takeover and of /etc/hosts. `links` tell which addresses a name should have; of an unknown name any is wrong.
/// That this host does not ask postern is none where postern answers no name.
std::vector<Fault> host_faults(const HostDnsReport& report, const std::vector<LinkStatus>& links);

}  // namespace postern::agent
