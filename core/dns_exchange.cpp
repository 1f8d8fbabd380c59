// SPDX-License-Identifier: Apache-2.0
#include "core/dns_exchange.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "core/fd.h"

namespace postern::core {
namespace {

bool wait_for(int fd, short events, Micros deadline) {
    const Micros left = deadline - now_mono_us();
    if (left <= 0) return false;
    pollfd p{fd, events, 0};
    return ::poll(&p, 1, static_cast<int>(left / kMillisecond) + 1) > 0;
}

Result<UniqueFd> connect_to(const SocketAddress& server, int type, Micros deadline) {
    sockaddr_storage storage;
    const socklen_t length = server.to(&storage);
    UniqueFd fd(::socket(storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return fail(Code::kSocket, "can't make a socket", {}, errno);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
        int error = errno;
        if (error == EINPROGRESS && wait_for(fd.get(), POLLOUT, deadline)) {
            socklen_t size = sizeof error;
            ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        }
        if (error != 0) return fail(Code::kSocket, message("can't connect to {}", server.text()), {}, error);
    }
    return fd;
}

bool answers_us(const Bytes& reply, const Bytes& query) {
    return reply.size() >= 12 && reply[0] == query[0] && reply[1] == query[1] && (reply[2] & 0x80) != 0;
}

Result<Bytes> exchange_udp(const SocketAddress& server, const Bytes& query, Micros deadline) {
    auto fd = connect_to(server, SOCK_DGRAM, deadline);
    if (!fd) return fail(fd.error());
    // Retry after a second: a datagram may be lost while the resolver restarts.
    Bytes reply(65535);
    for (Micros resend = 0; now_mono_us() < deadline;) {
        if (now_mono_us() >= resend) {
            if (::send(fd->get(), query.data(), query.size(), MSG_NOSIGNAL) < 0)
                return fail(Code::kSocket, message("{} can't be asked", server.text()), {}, errno);
            resend = now_mono_us() + kSecond;
        }
        if (!wait_for(fd->get(), POLLIN, std::min(deadline, resend))) continue;
        const ssize_t n = ::recv(fd->get(), reply.data(), reply.size(), 0);
        if (n < 0 && errno != EAGAIN)
            return fail(Code::kSocket, message("{} does not listen", server.text()), {}, errno);
        if (n <= 0) continue;
        reply.resize(static_cast<std::size_t>(n));
        if (answers_us(reply, query)) return reply;
        reply.resize(65535);
    }
    return fail(Code::kTimeout, message("{} does not answer", server.text()));
}

Result<Bytes> exchange_tcp(const SocketAddress& server, const Bytes& query, Micros deadline) {
    auto fd = connect_to(server, SOCK_STREAM, deadline);
    if (!fd) return fail(fd.error());
    Bytes out(2);
    store_be16(out.data(), static_cast<std::uint16_t>(query.size()));
    out.insert(out.end(), query.begin(), query.end());
    if (::send(fd->get(), out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size())) {
        return fail(Code::kSocket, message("{} can't be asked over TCP", server.text()), {}, errno);
    }
    Bytes in;
    std::uint8_t buffer[4096];
    while (in.size() < 2 || in.size() < 2u + load_be16(in.data())) {
        if (!wait_for(fd->get(), POLLIN, deadline))
            return fail(Code::kTimeout, message("{} does not answer over TCP", server.text()));
        const ssize_t n = ::recv(fd->get(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EAGAIN) continue;
        if (n <= 0)
            return fail(Code::kSocket, message("{} closed the TCP connection", server.text()), {}, n < 0 ? errno : 0);
        in.insert(in.end(), buffer, buffer + n);
    }
    Bytes reply(in.begin() + 2, in.begin() + 2 + load_be16(in.data()));
    if (!answers_us(reply, query))
        return fail(Code::kDnsFailed, message("{} answered another question", server.text()));
    return reply;
}

}  // namespace

Result<DnsExchange> exchange_dns(const SocketAddress& server, const Bytes& query, Micros timeout_us) {
    const Micros deadline = now_mono_us() + timeout_us;
    auto reply = exchange_udp(server, query, deadline);
    const bool cut = reply && ((*reply)[2] & 0x02) != 0;  // TC
    if (cut) reply = exchange_tcp(server, query, deadline);
    if (!reply) return fail(reply.error());
    return DnsExchange{std::move(*reply), cut};
}

}  // namespace postern::core
