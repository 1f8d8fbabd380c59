// How postern-resolver stands: whether it runs, what its statistics file says, and how well it follows the agent.
#pragma once

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
    const ResolverChild* child;  // null: somebody else starts it
};

/// Fills the resolver's part of the status, and what it counted for each link. Reads two small files.
void report_resolver(const ResolverSeen& seen, StatusSnapshot& status);

}  // namespace postern::agent
