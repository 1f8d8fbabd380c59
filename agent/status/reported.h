// SPDX-License-Identifier: Apache-2.0
// The faults that parts of the agent report, from these parts' own data. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/config/running_config.h"
#include "agent/faults/fault.h"
#include "agent/hostdns/report.h"
#include "agent/status/status.h"

namespace postern::agent {

/// What of the configuration file is not in use; nullopt: all of it is.
std::optional<Fault> config_fault(const ConfigTrouble& trouble, const std::string& file);
/// A remark on the configuration in use.
Fault remark_on(const ConfigIssue& issue, const std::string& file);
/// A reply of a source that is not believed as it stands.
Fault doubt_about_discovery(const std::string& problem);
/// Of the takeover and of /etc/hosts. `links` tell which addresses a name should have; of an unknown name any is wrong.
std::vector<Fault> host_faults(const HostDnsReport& report, const std::vector<LinkStatus>& links);

}  // namespace postern::agent
