// SPDX-License-Identifier: Apache-2.0
// Which of our listen addresses this host's programs use, and which addresses are ours. Pure.
#pragma once

#include <vector>

#include "agent/config/config.h"
#include "core/ip_address.h"

namespace postern::agent {

/// The address that the host is pointed at and that commands on this host use. Preferred, in this order: allowed for
/// this host by [dns] allow, port 53 (resolv.conf has no other), loopback (always there), the first one. Never
/// 0.0.0.0 or ::.
core::SocketAddress own_address(const DnsConfig& dns);

/// Whether `server` is one of `listen`. `of_host`: the host's addresses, all of which a listener on 0.0.0.0 or :: has.
bool is_own(const core::SocketAddress& server, const std::vector<core::SocketAddress>& listen,
            const std::vector<core::IpAddress>& of_host);

}  // namespace postern::agent
