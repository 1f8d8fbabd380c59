// SPDX-License-Identifier: Apache-2.0
// Sockets to listen on: those that are passed to the process, and those that it binds.
#include "resolver/listen_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "core/log.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::resolver;

namespace {

core::SocketAddress at(const char* ip, std::uint16_t port = 0) {
    return {*core::IpAddress::parse(ip), port};
}

int option_of(const ListenSocket& socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    REQUIRE(::getsockopt(socket.fd.get(), level, name, &value, &size) == 0);
    return value;
}

/// What `look` returns in a child process that has copies of these descriptors as 3, 4, … as a service manager passes
/// them: it has no other way to get them there without closing what is there now.
std::string in_child(const std::vector<int>& passed, const std::function<std::string()>& look) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        constexpr int kOutOfTheWay = 200;
        const int out = ::fcntl(ends[1], F_DUPFD_CLOEXEC, kOutOfTheWay);
        std::vector<int> copies;
        for (const int fd : passed)
            copies.push_back(::fcntl(fd, F_DUPFD, kOutOfTheWay));
        int place = 3;
        for (const int fd : copies)
            ::dup2(fd, place++);
        const std::string text = look();
        ::_exit(::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    REQUIRE(child > 0);
    ::close(ends[1]);
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = -1;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    return text;
}

/// Every socket that take_passed_sockets() returns, in words.
std::string taken(int given) {
    std::string out;
    core::capture_log(
        [&](core::Level, std::string_view event, const std::string&) { out += std::string(event) + "\n"; });
    for (const ListenSocket& s : take_passed_sockets(given)) {
        const bool ready =
            (::fcntl(s.fd.get(), F_GETFL) & O_NONBLOCK) != 0 && (::fcntl(s.fd.get(), F_GETFD) & FD_CLOEXEC) != 0;
        out +=
            std::to_string(s.fd.get()) + (s.stream ? " TCP " : " UDP ") + s.address.text() + (ready ? "\n" : " bare\n");
    }
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
        if (::getenv(name) != nullptr) out += std::string(name) + " is left\n";
    return out;
}

void announce(pid_t pid, const char* count) {
    ::setenv("LISTEN_PID", std::to_string(pid).c_str(), 1);
    ::setenv("LISTEN_FDS", count, 1);
    ::setenv("LISTEN_FDNAMES", "udp:tcp", 1);
}

core::UniqueFd plain(int type) {
    core::UniqueFd fd(::socket(AF_INET, type, 0));
    sockaddr_storage storage;
    const auto size = at("127.0.0.1").to(&storage);
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0);
    return fd;
}

}  // namespace

TEST_CASE("listen sockets: those that are passed are taken with their addresses, what is no socket is left",
          "[server]") {
    const auto udp = plain(SOCK_DGRAM), tcp = plain(SOCK_STREAM);
    const core::UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const core::UniqueFd local(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::vector<int> fds{udp.get(), file.get(), local.get(), tcp.get()};
    const std::string all = "listen_fd_ignored\nlisten_fd_ignored\n3 UDP " + local_address(udp.get())->text() +
                            "\n6 TCP " + local_address(tcp.get())->text() + "\n";
    SECTION("as systemd announces them") {
        CHECK(in_child(fds, [] {
                  announce(::getpid(), "4");
                  return taken(0);
              }) == all);
    }
    SECTION("as the command line announces them") {
        CHECK(in_child(fds, [] {
                  announce(::getpid(), "1");
                  return taken(4);
              }) == all);
    }
    SECTION("not what another process is given, and not without a number") {
        const auto none = [&](const std::function<void()>& said) {
            CHECK(in_child(fds, [&] {
                      said();
                      return taken(0);
                  }).empty());
        };
        none([] {});
        none([] { announce(::getppid(), "4"); });
        none([] { announce(::getpid(), "0"); });
        none([] { announce(::getpid(), "-1"); });
        none([] {
            announce(::getpid(), "4");
            ::unsetenv("LISTEN_FDS");
        });
    }
}

TEST_CASE("listen sockets: 64 are taken, of more there is a mistake and none is", "[server]") {
    const auto udp = plain(SOCK_DGRAM);
    for (const int count : {64, 65}) {
        const std::vector<int> fds(static_cast<std::size_t>(count), udp.get());
        const std::string text = in_child(fds, [&] { return taken(count); });
        CHECK(std::count(text.begin(), text.end(), '\n') == (count == 64 ? 64 : 0));
    }
}

TEST_CASE("listen sockets: one that is bound is ready for use", "[server]") {
    for (const char* ip : {"127.0.0.1", "::1"}) {
        for (const bool stream : {false, true}) {
            const auto bound = bind_socket(at(ip), stream);
            REQUIRE(bound);
            CHECK(bound->stream == stream);
            CHECK(bound->address.ip == at(ip).ip);
            CHECK(bound->address.port != 0);
            CHECK(option_of(*bound, SOL_SOCKET, SO_TYPE) == (stream ? SOCK_STREAM : SOCK_DGRAM));
            CHECK(option_of(*bound, SOL_SOCKET, SO_REUSEADDR) == (stream ? 1 : 0));
            CHECK((::fcntl(bound->fd.get(), F_GETFL) & O_NONBLOCK) != 0);
            CHECK((::fcntl(bound->fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
        }
    }
    const auto udp = bind_socket(at("127.0.0.1"), false);
    ListenSocket usual;
    usual.fd = plain(SOCK_DGRAM);
    CHECK(option_of(*udp, SOL_SOCKET, SO_RCVBUF) > option_of(usual, SOL_SOCKET, SO_RCVBUF));
}

TEST_CASE("listen sockets: every IPv6 address of a port leaves the IPv4 addresses to others", "[server]") {
    // Otherwise "[::]:53" would keep "0.0.0.0:53" of the same plan from being bound. (The kernel sees to it itself for
    // every other address.)
    const auto everywhere = bind_socket(at("::"), false);
    REQUIRE(everywhere);
    CHECK(option_of(*everywhere, IPPROTO_IPV6, IPV6_V6ONLY) == 1);
}

TEST_CASE("listen sockets: an address that can't be had is reported with what can be done", "[server]") {
    const auto other = bind_socket(at("127.0.0.1"), false);
    REQUIRE(other);
    const auto taken = bind_socket(other->address, false);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code == core::Code::kAddressInUse);
    CHECK(taken.error().text().find("UDP " + other->address.text()) != std::string::npos);
    CHECK(taken.error().text().find("ss -lnp 'sport = :" + std::to_string(other->address.port) + "'") !=
          std::string::npos);
    const auto foreign = bind_socket(at("192.0.2.1"), true);
    REQUIRE_FALSE(foreign);
    CHECK(foreign.error().code == core::Code::kSocket);
    CHECK(foreign.error().text().find("TCP 192.0.2.1") != std::string::npos);
    CHECK(foreign.error().text().find("no interface has this address") != std::string::npos);
    CHECK_FALSE(local_address(-1));
}
