// SPDX-License-Identifier: Apache-2.0
// The real kernel: connections over loopback that another process holds.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "agent/connections/socket_look.h"
#include "core/fd.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

const auto kLoopback = *core::IpAddress::parse("127.0.0.1");

core::UniqueFd connected(const core::SocketAddress& to, int family) {
    core::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    socklen_t length = to.to(&address);
    if (family == AF_INET6) {  // the same peer, for a socket of both kinds
        sockaddr_in6 mapped{};
        mapped.sin6_family = AF_INET6;
        mapped.sin6_port = htons(to.port);
        mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
        std::copy(to.ip.data(), to.ip.data() + 4, mapped.sin6_addr.s6_addr + 12);
        std::memcpy(&address, &mapped, sizeof mapped);
        length = sizeof mapped;
    }
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) fd.reset();
    return fd;
}

/// A process that connects and stays until this ends.
class Program {
  public:
    explicit Program(const core::SocketAddress& to, int sockets) {
        std::array<int, 2> ready{}, end{};
        REQUIRE(::pipe(ready.data()) == 0);
        REQUIRE(::pipe(end.data()) == 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::close(end[1]);
            std::vector<core::UniqueFd> held;
            bool good = true;
            for (int i = 0; i < sockets; ++i) {
                held.push_back(connected(to, i == 0 ? AF_INET6 : AF_INET));
                good &= static_cast<bool>(held.back());
            }
            char byte = good ? '1' : '0';
            (void)!::write(ready[1], &byte, 1);
            (void)!::read(end[0], &byte, 1);
            ::_exit(0);
        }
        ::close(end[0]);
        ::close(ready[1]);
        char byte = 0;
        REQUIRE(::read(ready[0], &byte, 1) == 1);
        CHECK(byte == '1');
        ::close(ready[0]);
        end_ = core::UniqueFd(end[1]);
    }
    ~Program() {
        end_.reset();
        ::waitpid(pid_, nullptr, 0);
    }

  private:
    pid_t pid_ = -1;
    core::UniqueFd end_;
};

struct Server {
    core::UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    core::SocketAddress address{kLoopback, 0};

    Server() {
        sockaddr_storage any{};
        const socklen_t length = address.to(&any);
        REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&any), length) == 0);
        REQUIRE(::listen(listener.get(), 128) == 0);
        socklen_t size = sizeof any;
        REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&any), &size) == 0);
        address = *core::SocketAddress::from(reinterpret_cast<sockaddr*>(&any));
    }
};

}  // namespace

TEST_CASE("connections: those of other processes are seen, this one's are not", "[connections]") {
    Server server, other;
    const core::UniqueFd own = connected(server.address, AF_INET);
    const Program program(server.address, 3), elsewhere(other.address, 1);
    REQUIRE(own);
    const ConnectionTarget target{"prod", server.address};
    const SocketLook look = look_at_sockets({target});
    if (look.error) FAIL(look.error->text());
    CHECK(look.complete);
    CHECK(look.read == 4);  // the kernel itself has left out the rest, the servers' ends, too
    REQUIRE(look.targets.size() == 1);
    const auto& seen = look.targets[0];
    CHECK(seen.target == target);
    CHECK(seen.all.total() == 3);  // with the one of an IPv6 socket
    CHECK(seen.all.states[static_cast<std::size_t>(TcpState::kEstablished)] == 3);
    CHECK(seen.all.stuck == 0);
    CHECK(seen.all.without_keepalive == 0);  // not idle yet
    REQUIRE(seen.users.size() == 1);
    CHECK(seen.users[0].uid == ::geteuid());
    CHECK(seen.all.rtt_max_us > 0);
    CHECK(look.took_us > 0);
}

TEST_CASE("connections: with many addresses the ports are filtered, and the addresses compared afterwards",
          "[connections]") {
    Server server;
    const Program program(server.address, 3);
    std::vector<ConnectionTarget> targets{{"prod", server.address}};
    for (std::uint32_t i = 0; i < 100; ++i)
        targets.push_back({"prod", {core::IpAddress::v4(0x0a000001u + i), server.address.port}});
    const SocketLook look = look_at_sockets(targets);
    CHECK(look.complete);
    REQUIRE(look.targets.size() == targets.size());
    CHECK(look.targets[0].all.total() == 3);
    CHECK(look.targets[1].all.total() == 0);
    for (std::size_t i = 0; i < targets.size(); ++i)
        targets[i].address.port = static_cast<std::uint16_t>(server.address.port + i);
    CHECK(look_at_sockets(targets).targets[0].all.total() == 3);  // no filter at all
}

TEST_CASE("connections: a look that is cut short says so", "[connections]") {
    Server server;
    const Program program(server.address, 3);
    CHECK_FALSE(look_at_sockets({{"prod", server.address}}, {.connections = 2}).complete);
    CHECK_FALSE(look_at_sockets({{"prod", server.address}}, {.time_us = 0}).complete);
    CHECK(look_at_sockets({{"prod", server.address}}, {.connections = 100}).complete);
}

TEST_CASE("connections: without addresses nothing is asked", "[connections]") {
    const SocketLook look = look_at_sockets({});
    CHECK(look.complete);
    CHECK_FALSE(look.error);
    CHECK(look.targets.empty());
    CHECK(look.read == 0);
}
