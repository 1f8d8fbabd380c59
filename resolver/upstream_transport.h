// SPDX-License-Identifier: Apache-2.0
// Sends queries to upstreams. An exchange is one query to one server and its reply. An interface because the
// simulations deliver packets by a fake clock; the real one is UpstreamSockets. Loop thread.
#pragma once

#include <cerrno>
#include <cstdint>

#include "core/bytes.h"
#include "core/ip_address.h"

namespace postern::resolver {

/// Out of descriptors, ports or buffers: no failure of the server.
inline bool is_local_trouble(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == EAGAIN ||
           error == EADDRNOTAVAIL;
}

class UpstreamEvents {
  public:
    virtual ~UpstreamEvents() = default;
    /// A message was received for the exchange that was started with `cookie`. True: it is the reply and ends the
    /// exchange; false: it does not match, and the exchange goes on. Must not destroy the transport.
    virtual bool on_reply(std::uint64_t cookie, core::ByteView message) = 0;
    /// An ICMP error, a refused or broken connection (errno). Ends the exchange.
    virtual void on_failure(std::uint64_t cookie, int error) = 0;
};

class UpstreamTransport {
  public:
    struct Sent {
        int error = 0;             // errno; then there is no exchange and no event
        std::uint64_t handle = 0;  // for cancel()
    };
    virtual ~UpstreamTransport() = default;
    /// From a connected socket with a random source port, which no other exchange uses at the time.
    virtual Sent send_udp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) = 0;
    /// Over a connection that exchanges with this server share (RFC 7766 6.2.1). Never calls back from inside.
    virtual Sent send_tcp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) = 0;
    /// Ends an exchange without an event. Unknown handles are ignored.
    virtual void cancel(std::uint64_t handle) = 0;
    /// The source port of a UDP exchange; 0 for any other handle.
    virtual std::uint16_t local_port(std::uint64_t handle) = 0;
};

}  // namespace postern::resolver
