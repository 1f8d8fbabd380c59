// The host's own resolvers: what `upstreams = "auto"` means. Pure over the files it is given.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/ip_address.h"

namespace postern::agent {

struct HostUpstreams {
    std::vector<core::SocketAddress> servers;  // in order, at most 8; none of ours
    std::string source;                        // the file they came from; "" when there are none
    int timeout_s = 5;                         // resolv.conf "options timeout:", the patience of the host's clients
};

/// Contents of a file, nullopt when it can't be read.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

/// Reads /etc/resolv.conf; where it names a local stub (systemd-resolved, a local forwarder, ourselves) the file behind
/// it: /run/systemd/resolve/resolv.conf, then NetworkManager's. `ours` are our listen addresses and never returned.
HostUpstreams host_upstreams(const ReadFile& read_file, const std::vector<core::SocketAddress>& ours);

/// From the real files, bounded.
HostUpstreams host_upstreams(const std::vector<core::SocketAddress>& ours);

}  // namespace postern::agent
