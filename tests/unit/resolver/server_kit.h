// SPDX-License-Identifier: Apache-2.0
// A whole resolver on a real loop and real sockets of the loopback interface, port 0, and what talks to it.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/loop.h"
#include "resolver/server.h"
#include "tests/unit/catch.h"
#include "tests/unit/resolver/handler_kit.h"

namespace postern::test {

inline core::SocketAddress local(std::uint16_t port) {
    return {*core::IpAddress::parse("127.0.0.1"), port};
}

inline core::UniqueFd connected(const core::SocketAddress& to, int type) {
    core::UniqueFd fd(::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    const auto size = to.to(&storage);
    const int rc = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size);
    REQUIRE((rc == 0 || errno == EINPROGRESS));
    return fd;
}

/// Turns the loop until `done` is true, `most` at most; returns whether it was.
template <class Fn>
bool turn_until(core::Loop& loop, Fn done, core::Micros most) {
    const core::Micros deadline = core::now_mono_us() + most;
    while (core::now_mono_us() < deadline) {
        loop.poll();
        if (done()) return true;
        pollfd none{};
        ::poll(&none, 0, 1);
    }
    return false;
}

/// A resolver, and an upstream of the test's own on UDP and TCP.
class Host {
  public:
    Host() {
        char name[] = "/tmp/postern-server-test-XXXXXX";
        folder = ::mkdtemp(name);
        // Both on one port: another program may have the one that UDP got.
        for (int attempt = 0; !upstream_tcp && attempt < 100; ++attempt) {
            upstream = bound(SOCK_DGRAM, 0);
            if (auto s = resolver::bind_socket(local(port_of(upstream.get())), true)) upstream_tcp = std::move(s->fd);
        }
        REQUIRE(upstream_tcp);
        ::listen(upstream_tcp.get(), 8);
    }
    ~Host() {
        server.reset();
        clock.reset();
        CHECK(loop.close());
        for (const char* f : {"/run/plan", "/run/stats", "/fallback"})
            ::unlink((folder + f).c_str());
        ::rmdir((folder + "/run").c_str());
        ::rmdir(folder.c_str());
    }
    core::Plan plan(std::uint64_t generation = 1) {
        core::Plan p = base_plan(generation);
        p.listen = {local(0)};
        p.upstreams = {{1, local(port_of(upstream.get()))}};
        p.owners.push_back(owner_of("db.example.", {"10.0.0." + std::to_string(generation)}, {"10.9.9.9"},
                                    core::now_mono_us() + core::kHour));
        return p;
    }
    void publish(const core::Plan& p) {
        REQUIRE(core::make_folders(folder + "/run", 0755));
        REQUIRE(core::write_file(folder + "/run/plan", *core::serialize(p), 0644, false));
    }
    bool start(std::vector<resolver::ListenSocket> sockets = {}) {
        clock = std::make_unique<core::SystemClock>(loop);
        resolver::ServerSettings settings;
        settings.paths.plans = {folder + "/run/plan"};
        settings.paths.fallback = folder + "/fallback";
        settings.stats_path = folder + "/run/stats";
        settings.sockets = std::move(sockets);
        settings.resolv_confs = {};
        server = std::make_unique<resolver::Server>(loop, *clock, random, std::move(settings));
        return server->start();
    }
    core::SocketAddress address() { return server->addresses().at(0); }

    /// Turns the loop until `done`, five seconds at most.
    template <class Fn>
    bool until(Fn done) {
        return turn_until(loop, done, 5 * core::kSecond);
    }
    /// Receives one datagram while the loop turns; empty after five seconds.
    core::Bytes receive(int fd, sockaddr_in* from = nullptr) {
        core::Bytes buffer(65535);
        ssize_t n = -1;
        socklen_t size = sizeof *from;
        until([&] {
            n = ::recvfrom(fd, buffer.data(), buffer.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(from),
                           from ? &size : nullptr);
            return n >= 0;
        });
        buffer.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return buffer;
    }
    core::Bytes ask(const Query& q) {
        const auto fd = connected(address(), SOCK_DGRAM);
        const auto wire = q.wire();
        ::send(fd.get(), wire.data(), wire.size(), 0);
        return receive(fd.get());
    }
    /// Reads framed messages from a TCP descriptor until there are `count` or the peer closed.
    std::vector<core::Bytes> read_messages(int fd, std::size_t count) {
        std::vector<core::Bytes> out;
        resolver::TcpFraming framing;
        until([&] {
            std::uint8_t buffer[65536];
            const ssize_t n = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
            if (n == 0) return true;
            if (n > 0) {
                framing.feed({buffer, static_cast<std::size_t>(n)}, [&](core::ByteView m) {
                    out.emplace_back(m.begin(), m.end());
                    return true;
                });
            }
            return out.size() >= count;
        });
        return out;
    }
    static std::uint16_t port_of(int fd) {
        sockaddr_in in{};
        socklen_t size = sizeof in;
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&in), &size);
        return ntohs(in.sin_port);
    }
    static core::UniqueFd bound(int type, std::uint16_t port) {
        auto s = resolver::bind_socket(local(port), type == SOCK_STREAM);
        REQUIRE(s);
        return std::move(s->fd);
    }

    /// A UDP socket whose port refuses questions: it takes the datagrams of one peer only, and keeps the port from others.
    static core::UniqueFd refusing() {
        auto fd = bound(SOCK_DGRAM, 0);
        sockaddr_storage storage;
        const auto size = local(1).to(&storage);
        REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0);
        return fd;
    }
    /// An address that nobody has over UDP or TCP, and that no other test takes: this process's own of 127/8. (The port
    /// of a connection that was closed on 127.0.0.1 may be kept for a minute.)
    static core::SocketAddress unused() {
        const auto own = core::IpAddress::v4(0x7f400000u | (static_cast<std::uint32_t>(::getpid()) & 0x3fffffu));
        const auto all = *core::IpAddress::parse("0.0.0.0");
        for (int attempt = 0; attempt < 100; ++attempt) {
            const auto udp = resolver::bind_socket({all, 0}, false);
            if (udp && resolver::bind_socket(udp->address, true)) return {own, udp->address.port};
        }
        FAIL("no port is free");
        return {};
    }

    core::Loop loop;
    core::SystemRandom random;
    std::unique_ptr<core::SystemClock> clock;
    std::unique_ptr<resolver::Server> server;
    core::UniqueFd upstream, upstream_tcp;
    std::string folder;
};

}  // namespace postern::test
