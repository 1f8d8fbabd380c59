// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/small_packets.h"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>

#include "core/fd.h"

namespace postern::agent::doctor {

namespace {

constexpr int kSegment = 536;

using Clock = std::chrono::steady_clock;

bool wait_for(int fd, short events, Clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd p{fd, events, 0};
    return left > 0 && ::poll(&p, 1, static_cast<int>(left)) == 1;
}

core::UniqueFd connect_to(const core::SocketAddress& to, Clock::time_point deadline) {
    core::UniqueFd fd(::socket(to.ip.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    sockaddr_storage address{};
    const socklen_t length = to.to(&address);
    if (!fd || ::setsockopt(fd.get(), IPPROTO_TCP, TCP_MAXSEG, &kSegment, sizeof kSegment) != 0 ||
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        return {};
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 && errno != EINPROGRESS)
        return {};
    int error = 0;
    socklen_t size = sizeof error;
    if (!wait_for(fd.get(), POLLOUT, deadline) || ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
        error != 0)
        return {};
    return fd;
}

}  // namespace

bool handshake_in_small_packets(const core::SocketAddress& to, const std::string& server_name,
                                core::Micros timeout_us) {
    const auto deadline = Clock::now() + std::chrono::microseconds(timeout_us);
    const core::UniqueFd fd = connect_to(to, deadline);
    if (!fd) return false;
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    if (!context) return false;
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), SSL_free);
    if (!tls || SSL_set_fd(tls.get(), fd.get()) != 1 || SSL_set_tlsext_host_name(tls.get(), server_name.c_str()) != 1)
        return false;
    for (;;) {
        const int done = SSL_connect(tls.get());
        if (done == 1) return true;
        const int why = SSL_get_error(tls.get(), done);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return false;
        if (!wait_for(fd.get(), why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) return false;
    }
}

}  // namespace postern::agent::doctor
