// Where an answer goes. A value, never a pointer: it outlives sockets and connections, and then leads
// nowhere.
#pragma once

#include <netinet/in.h>

#include <cstdint>

#include "core/ip_address.h"
#include "core/stats_page.h"

namespace postern::resolver {

/// An IPv4 or IPv6 socket address as the kernel gives and takes it; 28 bytes instead of sockaddr_storage's
/// 128.
union PeerAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6{};

    socklen_t size() const { return any.sa_family == AF_INET6 ? sizeof v6 : sizeof v4; }
    /// An IPv4 address mapped into IPv6 counts as IPv4: that is how a dual-stack socket shows it.
    core::IpAddress ip() const;
    std::uint16_t port() const;
};

struct ReplyTo {
    PeerAddress peer;
    std::uint64_t endpoint = 0;  // id of the UDP listener or of the TCP connection; never used twice
    core::Proto proto = core::Proto::kUdp;
    bool loopback = false;   // the client is on this host
    bool has_local = false;  // `local`: the address that was asked, on a wildcard socket
    core::IpAddress local;
};

/// Hands a finished reply to the listener or connection that `to` names, if it still exists.
/// An interface because tests collect replies without sockets.
class ReplySink {
  public:
    virtual ~ReplySink() = default;
    virtual void send(const ReplyTo& to, const std::uint8_t* reply, std::size_t size) = 0;
};

}  // namespace postern::resolver
