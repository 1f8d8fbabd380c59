// SPDX-License-Identifier: Apache-2.0
#include "resolver/listen_sockets.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/log.h"

namespace postern::resolver {
namespace {

constexpr int kFirstPassed = 3;
constexpr int kMaxPassed = 64;
// The kernel may allow less. The queue holds what arrives while one batch is answered.
constexpr int kReceiveBuffer = 4 << 20;

/// The capability to bind ports below 1024, if this process may take it, while this object lives: a container's user has
/// it as permitted alone, from the program's file (packaging/container).
class LowPorts {
  public:
    LowPorts() { taken_ = set(true); }
    ~LowPorts() {
        if (taken_) set(false);
    }
    LowPorts(const LowPorts&) = delete;
    LowPorts& operator=(const LowPorts&) = delete;
    bool taken() const { return taken_; }

  private:
    /// Whether that has changed something.
    static bool set(bool effective) {
        constexpr std::uint32_t kBit = 1u << CAP_NET_BIND_SERVICE;
        __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct sets[2] = {};
        if (::syscall(SYS_capget, &head, sets) != 0) return false;
        const bool now = (sets[0].effective & kBit) != 0;
        if (now == effective || (sets[0].permitted & kBit) == 0) return false;
        sets[0].effective ^= kBit;
        return ::syscall(SYS_capset, &head, sets) == 0;
    }
    bool taken_ = false;
};

/// 0, or errno.
int bind_to(int fd, const sockaddr_storage& address, socklen_t size) {
    const auto* plain = reinterpret_cast<const sockaddr*>(&address);
    if (::bind(fd, plain, size) == 0) return 0;
    if (errno != EACCES) return errno;
    const LowPorts low_ports;
    return low_ports.taken() && ::bind(fd, plain, size) == 0 ? 0 : EACCES;
}

int number(const char* text) {
    return text == nullptr ? -1 : std::atoi(text);
}

}  // namespace

std::vector<ListenSocket> take_passed_sockets(int given) {
    const bool ours = number(std::getenv("LISTEN_PID")) == ::getpid();
    const int count = given > 0 ? given : ours ? number(std::getenv("LISTEN_FDS")) : 0;
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
        ::unsetenv(name);
    if (count <= 0 || count > kMaxPassed) return {};
    std::vector<ListenSocket> out;
    for (int fd = kFirstPassed; fd < kFirstPassed + count; ++fd) {
        ListenSocket s;
        s.fd.reset(fd);
        int type = 0;
        socklen_t size = sizeof type;
        const auto address = local_address(fd);
        if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || !address ||
            (type != SOCK_DGRAM && type != SOCK_STREAM)) {
            core::log_warning("listen_fd_ignored", "a passed descriptor is not a UDP or TCP socket",
                              {{"fd", std::to_string(fd)}});
            continue;
        }
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
        s.address = *address;
        s.stream = type == SOCK_STREAM;
        out.push_back(std::move(s));
    }
    return out;
}

std::optional<core::SocketAddress> local_address(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
    return core::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage));
}

core::Result<ListenSocket> bind_socket(const core::SocketAddress& address, bool stream) {
    const std::string what = std::string(stream ? "TCP " : "UDP ") + address.text();
    ListenSocket s;
    s.stream = stream;
    s.fd.reset(::socket(address.ip.is_v6() ? AF_INET6 : AF_INET,
                        (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!s.fd) return core::fail(core::Code::kSocket, "cannot make a socket for " + what, {}, errno);
    const int on = 1;
    if (stream)
        ::setsockopt(s.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // past TIME_WAIT after a restart
    else
        ::setsockopt(s.fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
    if (address.ip.is_v6()) ::setsockopt(s.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    sockaddr_storage storage;
    const socklen_t size = address.to(&storage);
    if (const int error = bind_to(s.fd.get(), storage, size); error != 0) {
        const bool taken = error == EADDRINUSE;
        return core::fail(taken ? core::Code::kAddressInUse : core::Code::kSocket, "cannot listen on " + what,
                          taken ? "another program has it: ss -lnp 'sport = :" + std::to_string(address.port) + "'"
                          : error == EACCES        ? "ports below 1024 need CAP_NET_BIND_SERVICE, or the socket unit"
                          : error == EADDRNOTAVAIL ? "no interface has this address"
                                                   : "",
                          error);
    }
    s.address = local_address(s.fd.get()).value_or(address);
    return s;
}

}  // namespace postern::resolver
