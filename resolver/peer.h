// SPDX-License-Identifier: Apache-2.0
// Where a reply goes. A value without pointers, so that it may outlive its socket or connection; the reply
// is then dropped.
#pragma once

#include <netinet/in.h>

#include <cstdint>

#include "core/ip_address.h"
#include "core/stats_page.h"

namespace postern::resolver {

/// An IPv4 or IPv6 socket address in the kernel's form. 28 bytes instead of the 128 of sockaddr_storage.
union PeerAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6{};

    socklen_t size() const { return any.sa_family == AF_INET6 ? sizeof v6 : sizeof v4; }
    /// An IPv4-mapped IPv6 address, as a dual-stack socket gives it, is returned as IPv4.
    core::IpAddress ip() const;
    std::uint16_t port() const;
};

struct ReplyTo {
    PeerAddress peer;
    std::uint64_t endpoint = 0;  // id of the UDP listener or the TCP connection; never reused
    core::Proto proto = core::Proto::kUdp;
    bool loopback = false;   // the client is on this host
    bool has_local = false;  // `local` is set: the destination address of the query, on a wildcard socket
    core::IpAddress local;
};

/// Sends a finished reply through the listener or connection of `to`, if that still exists. An interface because the
/// tests collect replies without sockets.
class ReplySink {
  public:
    virtual ~ReplySink() = default;
    virtual void send(const ReplyTo& to, const std::uint8_t* reply, std::size_t size) = 0;
};

}  // namespace postern::resolver
