// Sockets to listen on: those that systemd holds for us (LISTEN_FDS), or bound here.
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

/// Descriptors 3, 4, …: `given` of them, or as many as LISTEN_FDS says if LISTEN_PID names this process; the
/// variables are removed from the environment. Empty if none.
std::vector<ListenSocket> take_passed_sockets(int given);

/// A bound, non-blocking socket. Without SO_REUSEPORT: two processes would share the queries silently.
core::Result<ListenSocket> bind_socket(const core::SocketAddress& address, bool stream);

}  // namespace postern::resolver
