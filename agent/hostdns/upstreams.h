// The host's own resolvers: what `upstreams = "auto"` means, before and after the takeover.
#pragma once

#include <string>
#include <vector>

#include "agent/hostdns/host_system.h"
#include "agent/hostdns/journal.h"
#include "core/ip_address.h"

namespace postern::agent {

struct HostUpstreams {
    std::vector<core::SocketAddress> servers;  // in order, at most 8; none of ours
    std::string source;                        // the file they came from; "" when there are none
    int timeout_s = 5;                         // resolv.conf "options timeout:", the patience of the host's clients
};

/// The first of these that names a server: /etc/resolv.conf unless it is ours or a stub's; what resolved, NetworkManager,
/// resolvconf or dhclient got from the network; the file as it was before the takeover. `ours` are our listen addresses
/// and never returned. Only looks.
HostUpstreams host_upstreams(const HostSystem& host, const std::vector<core::SocketAddress>& ours,
                             const Journal& journal);

}  // namespace postern::agent
