// How a query reaches an upstream: one exchange = one query to one server. An interface because the
// simulation moves packets on a fake clock; the program's is UpstreamSockets.
#pragma once

#include <cstdint>

#include "core/bytes.h"
#include "core/ip_address.h"

namespace postern::resolver {

class UpstreamEvents {
  public:
    virtual ~UpstreamEvents() = default;
    /// A datagram or a framed TCP message arrived for the exchange that was started with `cookie`. True: it
    /// is the reply and the exchange is over; false: not ours, listen on. Must not destroy the transport.
    virtual bool on_reply(std::uint64_t cookie, core::ByteView message) = 0;
    /// ICMP error, refused or broken connection. The exchange is over.
    virtual void on_failure(std::uint64_t cookie, int error) = 0;
};

class UpstreamTransport {
  public:
    struct Sent {
        int error = 0;             // errno; then there is no exchange and no event
        std::uint64_t handle = 0;  // for cancel()
    };
    virtual ~UpstreamTransport() = default;
    /// From a connected socket that no other exchange has at the time, with a random source port: the kernel
    /// drops datagrams of other senders.
    virtual Sent send_udp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) = 0;
    /// Over a connection to the server that several exchanges share (RFC 7766 6.2.1). Never calls back from
    /// here.
    virtual Sent send_tcp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) = 0;
    /// Ends an exchange without an event. Unknown handles are ignored.
    virtual void cancel(std::uint64_t handle) = 0;
    /// The source port of a UDP exchange, 0 if it can't be told.
    virtual std::uint16_t local_port(std::uint64_t handle) = 0;
};

}  // namespace postern::resolver
