// SPDX-License-Identifier: Apache-2.0
// The kernel's list of TCP connections as bytes: the request with a filter that the kernel applies, and the reply, taken
// apart. See sock_diag(7). Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/connections/connection.h"
#include "core/bytes.h"
#include "core/ip_address.h"

namespace postern::agent {

/// The kernel compares each connection with each condition: up to this many, and no more.
inline constexpr std::size_t kMaxDiagConditions = 64;

/// A program for INET_DIAG_REQ_BYTECODE that passes connections to one of `remotes`. With more than kMaxDiagConditions
/// it compares the ports only, with more ports it is empty and everything passes: the receiver compares again.
core::Bytes diag_filter(const std::vector<core::SocketAddress>& remotes);

/// Asks for the connections of one family, AF_INET or AF_INET6, that are neither waiting for a peer (LISTEN) nor ended
/// (TIME-WAIT). An IPv6 socket that talks IPv4 is listed with IPv6.
core::Bytes diag_request(std::uint8_t family, std::uint32_t sequence, core::ByteView filter);

/// Asks to end one connection as if its peer had reset it: the program's next call fails (ECONNABORTED). Answered by a
/// DiagPart without connections. Needs CAP_NET_ADMIN in the network namespace's owner, and a kernel with
/// CONFIG_INET_DIAG_DESTROY.
core::Bytes destroy_request(const SocketId& id, std::uint32_t sequence);

/// One datagram of the reply.
struct DiagPart {
    bool end = false;      // the list is complete, the request is carried out, or the kernel refused
    int error = 0;         // errno, with `end`
    bool damaged = false;  // something could not be read: what comes after it in the datagram is lost
};
/// Appends its connections to `out`. Messages that answer another request are ignored. Nothing is read past the end,
/// whatever the lengths inside say.
DiagPart parse_diag(core::ByteView datagram, std::uint32_t sequence, std::vector<Connection>& out);

}  // namespace postern::agent
