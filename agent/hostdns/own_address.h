// Which of our listen addresses this host's programs ask, and which addresses are ours. Pure.
#pragma once

#include <vector>

#include "agent/config/config.h"
#include "core/ip_address.h"

namespace postern::agent {

/// The one that the host is pointed at and that commands of this host ask: one whose clients [dns] allow lets in, then
/// port 53 (resolv.conf knows no other), then loopback (it never goes away), then the first. Never 0.0.0.0 or ::.
core::SocketAddress own_address(const DnsConfig& dns);

/// Whether `server` is one of `listen`. `of_host`: the host's addresses, all of which a listener on 0.0.0.0 or :: has.
bool is_own(const core::SocketAddress& server, const std::vector<core::SocketAddress>& listen,
            const std::vector<core::IpAddress>& of_host);

}  // namespace postern::agent
