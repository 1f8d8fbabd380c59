// SPDX-License-Identifier: Apache-2.0
// The address that the host is to ask: started again where nothing answers, and who has it if another program does.
#pragma once

#include <string>

#include "agent/hostdns/takeover.h"

namespace postern::agent {

/// The program that has this port of UDP or TCP at the address, or at all of them, as "dnsmasq (pid 812)"; "" if there is
/// none, or if it is systemd's socket for postern. Only root sees the processes of others.
std::string port_holder(const HostSystem& host, const core::SocketAddress& address);

/// Where nothing answers: tries the socket and the resolver again. kAddressInUse if another program has the port; else no
/// error, even if nothing answers yet.
core::Result<void> wake_listener(HostSystem& host, const TakeoverHooks& hooks, const core::SocketAddress& listen);

/// A takeover is watched from its beginning, whoever stopped the rescue.
void start_rescue(HostSystem& host);

}  // namespace postern::agent
