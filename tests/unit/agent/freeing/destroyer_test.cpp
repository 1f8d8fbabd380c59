// SPDX-License-Identifier: Apache-2.0
// The real kernel, in a network namespace of a child's own; connections that get stuck take seconds, so those are
// ended in tests/e2e/test_freeing.py.
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "agent/connections/diag_socket.h"
#include "agent/connections/sock_diag.h"
#include "agent/freeing/destroyer.h"
#include "core/fd.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

constexpr int kNoNamespace = 77;

bool own_network() {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    const core::UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq lo{"lo", {}};
    lo.ifr_flags = IFF_UP;
    return ::ioctl(any.get(), SIOCSIFFLAGS, &lo) == 0;
}

/// The exit code of `body` in a child with that namespace: the number of what is wrong, 0: nothing.
int in_own_network(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(own_network() ? body() : kNoNamespace);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A connection over loopback, both ends.
struct Pair {
    core::UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, client, server;
    core::SocketAddress address;

    Pair() {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof any;
        ::bind(listener.get(), reinterpret_cast<sockaddr*>(&any), sizeof any);
        ::listen(listener.get(), 8);
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&any), &length);
        address = {*core::IpAddress::parse("127.0.0.1"), ntohs(any.sin_port)};
        client = core::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ::connect(client.get(), reinterpret_cast<sockaddr*>(&any), sizeof any);
        server = core::UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    bool alive() const {
        char byte = 'x';
        return ::send(client.get(), &byte, 1, MSG_NOSIGNAL) == 1 && ::recv(server.get(), &byte, 1, 0) == 1;
    }
    std::vector<Connection> list() const {
        std::vector<Connection> out;
        auto kernel = DiagSocket::open(core::kSecond);
        if (kernel) {
            kernel->list(AF_INET, diag_filter({address}), [&out](const std::vector<Connection>& part) {
                out.insert(out.end(), part.begin(), part.end());
                return true;
            });
        }
        return out;
    }
};

Connection connection(std::uint32_t timeouts, std::uint32_t unacked, Micros last_ack) {
    Connection c;
    c.inode = 1;
    c.measured = true;
    c.timeouts = timeouts;
    c.unacked = unacked;
    c.last_ack_us = last_ack;
    return c;
}

}  // namespace

TEST_CASE("freeing: what is lost", "[freeing]") {
    const Connection stuck = connection(3, 1, 5 * core::kSecond);
    CHECK(is_lost(stuck, Lost::kStuck));
    CHECK_FALSE(is_lost(connection(2, 1, 5 * core::kSecond), Lost::kStuck));
    CHECK_FALSE(is_lost(connection(3, 0, 5 * core::kSecond), Lost::kStuck));
    CHECK_FALSE(is_lost(connection(3, 1, 5 * core::kSecond - 1), Lost::kStuck));
    Connection closed = stuck;
    closed.inode = 0;  // no program waits for it
    CHECK_FALSE(is_lost(closed, Lost::kStuckOrIdle));

    Connection idle = connection(0, 0, 40 * core::kSecond);
    idle.last_sent_us = 30 * core::kSecond + 10 * core::kMillisecond;
    idle.last_received_us = 30 * core::kSecond;
    CHECK(is_lost(idle, Lost::kStuckOrIdle));
    CHECK_FALSE(is_lost(idle, Lost::kStuck));
    const auto not_idle = [&idle](auto change) {
        Connection c = idle;
        change(c);
        return !is_lost(c, Lost::kStuckOrIdle);
    };
    CHECK(not_idle([](Connection& c) { c.last_received_us = 30 * core::kSecond - 1; }));
    const auto order_unknown = [&](Micros since) {  // a request may have followed the last answer at once
        return !not_idle([since](Connection& c) { c.last_sent_us = c.last_received_us = since; });
    };
    CHECK_FALSE(order_unknown(10 * core::kMinute - 1));
    CHECK(order_unknown(10 * core::kMinute));
    CHECK(not_idle([](Connection& c) {
        c.last_sent_us = c.last_received_us = core::kHour;
        c.last_sent_us -= core::kSecond;  // a request that waits for its answer
    }));
    CHECK(not_idle([](Connection& c) { c.unread_bytes = 1; }));
    CHECK(not_idle([](Connection& c) { c.unsent_bytes = 1; }));
    CHECK(not_idle([](Connection& c) { c.unacked = 1; }));
    CHECK(not_idle([](Connection& c) { c.state = TcpState::kCloseWait; }));
    CHECK(not_idle([](Connection& c) { c.measured = false; }));
}

TEST_CASE("freeing: connections that make progress stay", "[freeing]") {
    const int wrong = in_own_network([] {
        const Pair pair;
        if (!pair.alive()) return 1;
        Destroyer destroyer;
        const FreeReply reply = destroyer.end_lost({pair.address, Lost::kStuckOrIdle, {}, false});
        if (reply.freed != 0 || reply.left != 0 || reply.refusal != FreeRefusal::kNone) return 2;
        return pair.alive() ? 0 : 3;
    });
    if (wrong == kNoNamespace) {
        WARN("no user namespace can be made here");
        return;
    }
    CHECK(wrong == 0);
}

TEST_CASE("freeing: the kernel ends one connection by its name, once, and its program gets an error", "[freeing]") {
    const int wrong = in_own_network([] {
        const Pair one, other;
        const auto listed = one.list();
        if (listed.size() != 1) return 1;
        auto kernel = DiagSocket::open(core::kSecond);
        if (!kernel) return 2;
        const int sys = kernel->destroy(listed[0].id);
        if (sys == EOPNOTSUPP) return kNoNamespace;  // a kernel without CONFIG_INET_DIAG_DESTROY
        if (sys != 0) return 3;
        char byte = 'x';
        if (::send(one.client.get(), &byte, 1, MSG_NOSIGNAL) != -1 || errno != ECONNABORTED) return 4;
        if (kernel->destroy(listed[0].id) != ENOENT) return 5;
        return other.alive() ? 0 : 6;
    });
    if (wrong == kNoNamespace) {
        WARN("this kernel can't end connections, or no user namespace can be made here");
        return;
    }
    CHECK(wrong == 0);
}

TEST_CASE("freeing: without the right the kernel refuses", "[freeing]") {
    const pid_t child = ::fork();
    if (child == 0) {
        const Pair pair;
        if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
        const auto listed = pair.list();
        auto kernel = DiagSocket::open(core::kSecond);
        if (listed.size() != 1 || !kernel) ::_exit(2);
        const int sys = kernel->destroy(listed[0].id);
        ::_exit((sys == EPERM || sys == EOPNOTSUPP) && pair.alive() ? 0 : 3);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}
