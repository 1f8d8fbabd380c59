// SPDX-License-Identifier: Apache-2.0
// Sockets to listen on: passed by systemd (LISTEN_FDS) or by the agent, or bound here.
#pragma once

#include <optional>
#include <vector>

#include "core/error.h"
#include "core/fd.h"
#include "core/ip_address.h"

namespace postern::resolver {

struct ListenSocket {
    core::UniqueFd fd;
    core::SocketAddress address;
    bool stream = false;
};

/// The sockets that are open as descriptors 3, 4, …: `given` of them or, when that is 0, LISTEN_FDS of them if
/// LISTEN_PID is this process. Removes these variables from the environment.
std::vector<ListenSocket> take_passed_sockets(int given);

/// Where a socket is bound.
std::optional<core::SocketAddress> local_address(int fd);

/// A bound, non-blocking socket. Without SO_REUSEPORT, by which two processes could share the queries unnoticed.
/// Errors: kAddressInUse, kSocket.
core::Result<ListenSocket> bind_socket(const core::SocketAddress& address, bool stream);

}  // namespace postern::resolver
