// SPDX-License-Identifier: Apache-2.0
#include "probe/tcp_connector.h"

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace postern::probe {

Reason reason_for_connect_error(int error, bool at_once) {
    switch (error) {
        case ECONNREFUSED:
            return Reason::kTcpRefused;
        case ETIMEDOUT:
            return Reason::kTcpTimeout;
        case ECONNRESET:
        case ECONNABORTED:
        case EPIPE:
            return Reason::kTcpReset;
        case ENETUNREACH:
        case ENETDOWN:
            return at_once ? Reason::kNoRoute : Reason::kNetUnreachable;
        case EHOSTUNREACH:
        case EHOSTDOWN:
            return Reason::kHostUnreachable;
        case EMFILE:
        case ENFILE:
            return Reason::kLocalFdLimit;
        case EADDRNOTAVAIL:
        case EADDRINUSE:
        case EAGAIN:
            return Reason::kLocalPortExhausted;
        case ENOMEM:
        case ENOBUFS:
            return Reason::kLocalOom;
        // A "prohibit" route or a rule of this host; a router on the way that says so (prohibited_by_icmp).
        case EACCES:
        case EPERM:
            return Reason::kProhibited;
        // EAFNOSUPPORT: IPv6 is disabled.
        default:
            return at_once ? Reason::kNoRoute : Reason::kTcpReset;
    }
}

namespace {

/// While a connection is being made: later, an ICMP error would end one that works.
void keep_icmp_errors(int fd, bool v6, bool keep) {
    const int on = keep ? 1 : 0;
    if (v6)
        ::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    else
        ::setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
}

/// Whether a router or firewall has answered "administratively prohibited" (RFC 1812, RFC 4443): the kernel's errno says
/// only that the host is unreachable.
bool prohibited_by_icmp(int fd) {
    char payload[64];
    alignas(cmsghdr) char control[256];
    iovec data{payload, sizeof payload};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return false;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        if (!v4 && !v6) continue;
        sock_extended_err e{};
        std::memcpy(&e, CMSG_DATA(c), sizeof e);
        if (e.ee_origin == SO_EE_ORIGIN_ICMP && e.ee_type == ICMP_UNREACH)
            return e.ee_code == ICMP_UNREACH_NET_PROHIB || e.ee_code == ICMP_UNREACH_HOST_PROHIB ||
                   e.ee_code == ICMP_UNREACH_FILTER_PROHIB;
        if (e.ee_origin == SO_EE_ORIGIN_ICMP6 && e.ee_type == ICMP6_DST_UNREACH)
            return e.ee_code == ICMP6_DST_UNREACH_ADMIN;
    }
    return false;
}

}  // namespace

int TcpConnector::open(const core::IpAddress& ip, int segment) {
    close();
    const int family = ip.is_v6() ? AF_INET6 : AF_INET;
    fd_.reset(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!fd_) return errno;
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    keep_icmp_errors(fd_.get(), ip.is_v6(), true);
    peer_closed_ = false;
    if (segment != 0 && ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment) != 0) return errno;
    return 0;
}

namespace {

/// EADDRNOTAVAIL means that no port is free or, for IPv6, that there is no source address for the destination. A UDP
/// socket needs the same route and source address, but not the TCP ports, and connecting it sends nothing.
bool has_source_address(const sockaddr_storage& to, socklen_t length) {
    const core::UniqueFd fd(::socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) return false;
    // EAGAIN: UDP's ports are used up, too, and the address was not looked for.
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), length) == 0 || errno == EAGAIN;
}

}  // namespace

int TcpConnector::connect(core::Loop& loop, const core::SocketAddress& to, std::function<void(int)> ready) {
    sockaddr_storage address{};
    const socklen_t length = to.to(&address);
    // EINTR on a non-blocking connect: it continues (POSIX), as with EINPROGRESS.
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        const int error = errno;
        return error == EADDRNOTAVAIL && !has_source_address(address, length) ? ENETUNREACH : error;
    }
    // A connect that is already complete (loopback) is reported in the same way: the socket is writable.
    const int rc =
        watcher_.start(loop, fd_.get(), UV_WRITABLE, [this, v6 = to.ip.is_v6(), done = std::move(ready)](int, int) {
            int error = 0;
            socklen_t size = sizeof error;
            if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
            if ((error == EHOSTUNREACH || error == ENETUNREACH) && prohibited_by_icmp(fd_.get())) error = EACCES;
            keep_icmp_errors(fd_.get(), v6, false);
            watcher_.stop();
            watched_events_ = 0;
            done(error);  // may destroy this object: FdWatcher calls a copy of this function
        });
    return rc == 0 ? 0 : -rc;
}

int TcpConnector::watch(core::Loop& loop, int events, std::function<void(int)> ready) {
    if (events == watched_events_ && watcher_.active()) return 0;
    watched_events_ = events;
    return watcher_.start(loop, fd_.get(), events, [this, fn = std::move(ready)](int status, int happened) {
        // On POLLERR libuv stops the handle without the error, which recv() and send() return.
        if (status != 0) watched_events_ = 0;
        fn(status != 0 ? UV_READABLE | UV_WRITABLE : happened);
    });
}

ssize_t TcpConnector::send(core::ByteView bytes) {
    for (;;) {
        const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}

ssize_t TcpConnector::recv(std::span<std::uint8_t> into) {
    for (;;) {
        const ssize_t n = ::recv(fd_.get(), into.data(), into.size(), 0);
        if (n == 0) peer_closed_ = true;
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}

std::optional<core::Micros> TcpConnector::kernel_connect_us() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    // Right after the handshake the smoothed round-trip time has one sample, from SYN to SYN+ACK. After a
    // retransmitted SYN there is none (Karn's algorithm), or it is measured from the second SYN.
    if (info.tcpi_rtt == 0 || info.tcpi_retrans != 0 || info.tcpi_total_retrans != 0) return std::nullopt;
    return static_cast<core::Micros>(info.tcpi_rtt);
}

std::uint16_t TcpConnector::local_port() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    const auto local = core::SocketAddress::from(reinterpret_cast<const sockaddr*>(&address));
    return local ? local->port : std::uint16_t{0};
}

void TcpConnector::close() {
    watcher_.stop();  // before closing: the descriptor's number may be reused at once
    watched_events_ = 0;
    if (!fd_) return;
    if (!peer_closed_) {
        std::uint8_t byte = 0;
        peer_closed_ = ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    }
    if (!peer_closed_) {
        const linger reset{1, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    fd_.reset();
}

}  // namespace postern::probe
