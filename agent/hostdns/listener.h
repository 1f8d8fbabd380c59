// SPDX-License-Identifier: Apache-2.0
// The address that the host is to ask: started again where nothing answers, and who has it if another program does.
#pragma once

#include <optional>
#include <string>

#include "agent/hostdns/takeover.h"
#include "core/message.h"

namespace postern::agent {

/// A process that has a port.
struct PortHolder {
    std::string program;  // as the kernel names it; "": not known
    std::string pid;

    /// "dnsmasq (pid 812)".
    core::Message text() const;
};

/// The program that has this port of UDP or TCP at the address, or at all of them; nullopt if there is none, or if it is
/// systemd's socket for postern. Only root sees the processes of others.
std::optional<PortHolder> port_holder(const HostSystem& host, const core::SocketAddress& address);

/// Where nothing answers: tries the socket and the resolver again. kAddressInUse if another program has the port; else no
/// error, even if nothing answers yet.
core::Result<void> wake_listener(HostSystem& host, const TakeoverHooks& hooks, const core::SocketAddress& listen);

/// A takeover is watched from its beginning, whoever stopped the rescue.
void start_rescue(HostSystem& host);

}  // namespace postern::agent
