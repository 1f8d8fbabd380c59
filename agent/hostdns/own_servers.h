// SPDX-License-Identifier: Apache-2.0
// Which servers, as the host's files name them, are ours: what we listen on by the configuration, and where the host
// was pointed at by a takeover before the configuration changed.
#pragma once

#include <vector>

#include "agent/hostdns/host_system.h"
#include "agent/hostdns/journal.h"

namespace postern::agent {

class OwnServers {
  public:
    OwnServers(const HostSystem& host, std::vector<core::SocketAddress> listen, const Journal& journal);

    bool operator()(const core::SocketAddress& server) const;

  private:
    std::vector<core::SocketAddress> listen_;
    std::vector<core::IpAddress> of_host_;
};

/// systemd-resolved's stubs: they forward, possibly to us.
bool is_stub(const core::IpAddress& ip);

}  // namespace postern::agent
