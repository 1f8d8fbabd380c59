// SPDX-License-Identifier: Apache-2.0
// The servers that postern forwards to: one ordered list of sources, before and after the takeover, for the agent
// and for commands.
#pragma once

#include <string>
#include <vector>

#include "agent/config/paths.h"
#include "agent/hostdns/host_system.h"
#include "agent/hostdns/journal.h"
#include "core/ip_address.h"

namespace postern::agent {

struct HostUpstreams {
    std::vector<core::SocketAddress> servers;  // in order; none of ours
    std::string source;                        // the file they came from; "" if there are none
    int timeout_s = 5;                         // resolv.conf "options timeout:", the timeout of the host's clients
    int attempts = 2;                          // "options attempts:", how often they ask

    /// The resolver's time for servers that are silent to everybody: within the clients' first timeout.
    std::uint64_t budget_ms() const { return timeout_s <= 2 ? 1800 : 4000; }
    /// After this a client has given up.
    std::uint64_t patience_ms() const { return static_cast<std::uint64_t>(timeout_s * attempts) * 1000; }
    bool operator==(const HostUpstreams&) const = default;
};

/// The host's own resolvers, the meaning of `upstreams = "auto"`; at most 8. The first of these that names a server:
/// /etc/resolv.conf unless it is ours or a stub's; what resolved, NetworkManager, resolvconf or dhclient got from the
/// network; the file from before the takeover. Behind the servers of a file that another program wrote over ours stand
/// those from before it. `listen` is ours and never returned. Only reads.
HostUpstreams host_upstreams(const HostSystem& host, const std::vector<core::SocketAddress>& listen,
                             const Journal& journal);

/// Known only to the running agent.
struct AgentUpstreams {
    HostUpstreams in_use;
    std::vector<core::IpAddress> of_instance;  // from the instance metadata
};

/// The first of these that names a server that is not ours: [dns] upstreams; the host's own; those in use; those of
/// the plan in place, of this boot or of the disk; those of the fallback file; the instance's. A host that names none
/// (any more) keeps the working ones.
HostUpstreams find_upstreams(const HostSystem& host, const DnsConfig& dns, const Paths& paths, const Journal& journal,
                             const AgentUpstreams& agent);
/// For a command: with the journal on disk.
HostUpstreams find_upstreams(const HostSystem& host, const Config& config);

}  // namespace postern::agent
