// SPDX-License-Identifier: Apache-2.0
// The state of postern-resolver: whether it is running, its statistics file, and how far it follows the agent.
#pragma once

#include "agent/config/paths.h"
#include "agent/hostdns/upstreams.h"
#include "agent/status/status.h"
#include "agent/steering/plan_publisher.h"
#include "agent/steering/resolver_child.h"

namespace postern::agent {

struct ResolverSeen {
    const Paths& paths;
    const DnsConfig& dns;
    const HostUpstreams& upstreams;
    const PlanPublisher& publisher;
    const ResolverChild* child;  // null: the service manager starts it
};

/// Fills the resolver's part of the status, and its counters for each link. Reads two small files.
void report_resolver(const ResolverSeen& seen, StatusSnapshot& status);

}  // namespace postern::agent
