// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/diag_socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/connections/sock_diag.h"

namespace postern::agent {

namespace {

constexpr std::size_t kDatagram = 128U << 10;  // the kernel's are 32 KiB at most
constexpr int kMaxStrays = 64;                 // datagrams that are not the kernel's, or without a connection

core::Error refused(core::Message what, int sys) {
    core::Error error{core::Code::kSocket, std::move(what), "", sys};
    if (sys == ENOENT || sys == EPROTONOSUPPORT) error.hint = "load the kernel's module: modprobe tcp_diag";
    if (sys == EAFNOSUPPORT || sys == EPERM || sys == EACCES)
        error.hint = "allow AF_NETLINK (systemd: RestrictAddressFamilies; containers: the seccomp profile)";
    return error;
}

}  // namespace

core::Result<DiagSocket> DiagSocket::open(Micros wait_us) {
    core::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!fd) return core::fail(refused("the kernel's list of connections can't be read", errno));
    const Micros most = std::max(wait_us, core::kMillisecond);  // 0 would be for ever
    const timeval wait{static_cast<time_t>(most / core::kSecond), static_cast<suseconds_t>(most % core::kSecond)};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    return DiagSocket(std::move(fd));
}

bool DiagSocket::send(const core::Bytes& request) {
    buffer_.resize(kDatagram);
    lost_ = false;
    const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    return ::sendto(fd_.get(), request.data(), request.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                    sizeof kernel) >= 0;
}

ssize_t DiagSocket::receive() {
    sockaddr_nl from{};
    socklen_t length = sizeof from;
    const ssize_t size =
        ::recvfrom(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0) return size;
    if (from.nl_pid != 0) return 0;
    lost_ |= static_cast<std::size_t>(size) > buffer_.size();
    return static_cast<std::size_t>(size) > buffer_.size() ? 0 : size;
}

DiagList DiagSocket::list(std::uint8_t family, core::ByteView filter,
                          const std::function<bool(const std::vector<Connection>&)>& take) {
    if (!send(diag_request(family, ++sequence_, filter)))
        return {refused("the kernel's list of connections can't be asked for", errno), false};
    bool whole = true;
    std::vector<Connection> part;
    for (int strays = 0; strays < kMaxStrays;) {
        const ssize_t size = receive();
        if (size < 0 && errno == EINTR && ++strays > 0) continue;
        if (size < 0 && errno == ENOBUFS) return {std::nullopt, false};
        if (size < 0) return {refused("the kernel's list of connections broke off", errno), false};
        part.clear();
        const DiagPart seen = parse_diag({buffer_.data(), static_cast<std::size_t>(size)}, sequence_, part);
        if (seen.end && seen.error != 0) return {refused("the kernel does not list connections", seen.error), false};
        whole &= !seen.damaged && !lost_;
        strays += part.empty() ? 1 : 0;
        const bool more = take(part);
        if (seen.end) return {std::nullopt, whole};
        if (!more) break;
    }
    return {std::nullopt, false};
}

int DiagSocket::destroy(const SocketId& id) {
    if (!send(destroy_request(id, ++sequence_))) return errno;
    std::vector<Connection> none;
    for (int strays = 0; strays < kMaxStrays; ++strays) {
        const ssize_t size = receive();
        if (size < 0 && errno != EINTR) return errno;
        if (size <= 0) continue;
        const DiagPart seen = parse_diag({buffer_.data(), static_cast<std::size_t>(size)}, sequence_, none);
        if (seen.end) return seen.error;
    }
    return EBADMSG;
}

}  // namespace postern::agent
