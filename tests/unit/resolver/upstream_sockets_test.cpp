// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "core/file_system.h"
#include "resolver/peer.h"
#include "resolver/upstream_sockets.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::resolver;

namespace {

struct Events final : UpstreamEvents {
    bool on_reply(std::uint64_t cookie, core::ByteView message) override {
        replies.emplace_back(cookie, std::string(core::as_text(message)));
        return message[0] != 'x';
    }
    void on_failure(std::uint64_t cookie, int error) override { failures.emplace_back(cookie, error); }
    std::vector<std::pair<std::uint64_t, std::string>> replies;
    std::vector<std::pair<std::uint64_t, int>> failures;
};

/// Real sockets on loopback: the transport, and a server that the test plays.
struct Wire {
    explicit Wire(const std::string& port_range = "32768\t60999\n") {
        REQUIRE(core::write_file(folder / "range", core::as_bytes(port_range), 0600, false));
        rlimit files{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
        plenty = files.rlim_max >= 8192;
        server.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(server.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
        socklen_t size = sizeof any;
        ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&any), &size);
        address = *core::SocketAddress::from(reinterpret_cast<sockaddr*>(&any));
        transport.emplace(loop, clock, random, events, folder / "range");
    }
    ~Wire() {
        transport.reset();
        server.reset();
    }
    std::uint64_t send(std::uint64_t cookie) {
        const auto sent = transport->send_udp(cookie, address, core::as_bytes("query"));
        REQUIRE(sent.error == 0);
        return sent.handle;
    }
    /// Receives a query; returns its source port.
    std::uint16_t receive() {
        char buffer[64];
        socklen_t size = sizeof client;
        REQUIRE(::recvfrom(server.get(), buffer, sizeof buffer, 0, &client.any, &size) == 5);
        return client.port();
    }
    void reply(const char* text) {
        REQUIRE(::sendto(server.get(), text, 1, 0, &client.any, sizeof client.v4) == 1);
        const std::size_t before = events.replies.size();
        while (events.replies.size() == before)
            uv_run(loop.raw(), UV_RUN_ONCE);
    }
    std::uint16_t exchange(std::uint64_t cookie) {
        send(cookie);
        const std::uint16_t port = receive();
        reply("r");
        return port;
    }

    test::TempFolder folder;
    core::Loop loop;
    test::FakeClock clock;
    core::SystemRandom random;
    Events events;
    core::UniqueFd server;
    PeerAddress client{};
    core::SocketAddress address;
    std::optional<UpstreamSockets> transport;
    bool plenty = false;
};

/// Whether no socket has this port of 127.0.0.1.
bool is_free(std::uint16_t port) {
    const core::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    const socklen_t size = core::SocketAddress{core::IpAddress::v4(INADDR_LOOPBACK), port}.to(&storage);
    return ::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0;
}

}  // namespace

TEST_CASE("upstream sockets: any thousand queries leave from about a thousand ports, though sockets serve a few",
          "[upstream]") {
    Wire wire;
    std::vector<std::uint16_t> ports;
    std::map<std::uint16_t, int> uses;
    for (std::uint64_t i = 0; i < 6000; ++i) {
        ports.push_back(wire.exchange(i));
        ++uses[ports.back()];
        REQUIRE(wire.events.replies.back().first == i);
    }
    for (std::size_t start = 0; start + 1000 <= ports.size(); start += 250) {
        const auto from = ports.begin() + static_cast<std::ptrdiff_t>(start);
        CHECK(std::set<std::uint16_t>(from, from + 1000).size() >= 950);
    }
    if (!wire.plenty) WARN("too few descriptors are allowed here: every query had a socket of its own");
    if (wire.plenty) CHECK(uses.size() < 3500);  // 6,000 without reuse, less the ports that come twice
    // Another socket may get the same port by chance.
    CHECK(std::max_element(uses.begin(), uses.end(), [](auto& a, auto& b) { return a.second < b.second; })->second <=
          12);
}

TEST_CASE("upstream sockets: one whose exchange failed is not reused, nor are the idle ones of its server",
          "[upstream]") {
    Wire wire;
    if (!wire.plenty) {
        WARN("too few descriptors are allowed here");
        return;
    }
    for (std::uint64_t i = 0; i < 100; ++i)
        wire.exchange(i);
    CHECK(wire.transport->idle() == 100);
    // Something that is not the reply, then the reply.
    wire.send(200);
    wire.receive();
    wire.reply("x");
    wire.reply("r");
    CHECK(wire.transport->idle() == 100);
    // A datagram without an exchange.
    const auto port = wire.exchange(201);
    CHECK(wire.transport->idle() == 101);
    CHECK(wire.client.port() == port);
    REQUIRE(::sendto(wire.server.get(), "late", 4, 0, &wire.client.any, sizeof wire.client.v4) == 4);
    while (wire.transport->idle() == 101)
        uv_run(wire.loop.raw(), UV_RUN_ONCE);
    CHECK(wire.transport->idle() == 100);
    CHECK(wire.events.replies.back().first == 201);
    CHECK(is_free(port));  // it is closed: an open one would wake the loop for that datagram again and again
    // After several exchanges without a reply the idle sockets are closed; after one they are not.
    const auto lose = [&](int times) {
        for (int i = 0; i < times; ++i) {
            const auto handle = wire.send(202);
            wire.transport->cancel(handle);
            wire.transport->cancel(handle);
        }
    };
    lose(7);
    CHECK(wire.transport->idle() == 100);
    for (int i = 0; i < 7; ++i)
        wire.receive();
    wire.exchange(203);
    lose(7);
    CHECK(wire.transport->idle() == 101);
    lose(1);
    CHECK(wire.transport->idle() == 0);
}

TEST_CASE("upstream sockets: idle ones are closed in time, and no timer stays", "[upstream]") {
    Wire wire;
    if (!wire.plenty) {
        WARN("too few descriptors are allowed here");
        return;
    }
    for (std::uint64_t i = 0; i < 10; ++i)
        wire.exchange(i);
    wire.clock.advance(29 * core::kSecond);
    wire.exchange(10);
    CHECK(wire.transport->idle() == 11);
    wire.clock.advance(2 * core::kSecond);
    CHECK(wire.transport->idle() == 1);
    wire.clock.advance(29 * core::kSecond);
    CHECK(wire.transport->idle() == 0);
    CHECK(wire.clock.idle());
}

TEST_CASE("upstream sockets: the number of ports in use is limited", "[upstream]") {
    Wire wire;
    std::vector<std::uint64_t> handles;
    int error = 0;
    for (std::uint64_t i = 0; error == 0 && i < 40000; ++i) {
        const auto sent = wire.transport->send_udp(i, wire.address, core::as_bytes("query"));
        error = sent.error;
        if (error == 0) handles.push_back(sent.handle);
    }
    CHECK((error == ENOBUFS || error == EMFILE));
    CHECK(handles.size() <= 12 * 1024);
    for (const auto handle : handles)
        wire.transport->cancel(handle);
    wire.send(1);
}

TEST_CASE("upstream sockets: a refusing server is reported at once, and its idle sockets are closed", "[upstream]") {
    Wire wire;
    for (std::uint64_t i = 0; i < 10; ++i)
        wire.exchange(i);
    wire.server.reset();
    wire.send(11);
    while (wire.events.failures.empty())
        uv_run(wire.loop.raw(), UV_RUN_ONCE);
    CHECK(wire.events.failures.front() == std::pair{std::uint64_t{11}, ECONNREFUSED});
    CHECK(wire.transport->idle() == 0);
}

TEST_CASE("upstream sockets: the idle ones hold at most a tenth of the ephemeral ports", "[upstream]") {
    Wire wire("40000\t40999\n");
    if (!wire.plenty) {
        WARN("too few descriptors are allowed here");
        return;
    }
    for (std::uint64_t i = 0; i < 300; ++i) {
        wire.exchange(i);
        REQUIRE(wire.transport->idle() <= 100);
    }
    CHECK(wire.transport->idle() >= 60);
    std::size_t in_flight = 0;
    while (wire.transport->send_udp(1000 + in_flight, wire.address, core::as_bytes("query")).error == 0)
        ++in_flight;
    CHECK(in_flight < 500);  // the others are for other programs
}

TEST_CASE("upstream sockets: without a free descriptor an idle socket is used, also that of another server",
          "[upstream]") {
    Wire wire;
    if (!wire.plenty) {
        WARN("too few descriptors are allowed here");
        return;
    }
    for (std::uint64_t i = 0; i < 3; ++i)
        wire.exchange(i);
    REQUIRE(wire.transport->idle() == 3);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const rlimit none{0, files.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    const auto same = wire.transport->send_udp(10, wire.address, core::as_bytes("query"));
    const core::SocketAddress other{*core::IpAddress::parse("127.0.0.2"), wire.address.port};
    const auto foreign = wire.transport->send_udp(11, other, core::as_bytes("query"));
    ::setrlimit(RLIMIT_NOFILE, &files);
    CHECK(same.error == 0);
    CHECK(foreign.error == EMFILE);  // all idle ones were closed for it, but the limit of 0 allows none
    CHECK(wire.transport->idle() == 0);
}

// Else the second question takes the socket of the first, whose reply is lost.
TEST_CASE("upstream sockets: questions at the same time have a socket each, also after one was cancelled",
          "[upstream]") {
    Wire wire;
    wire.transport->cancel(wire.send(1));
    wire.receive();
    const auto first = wire.send(2), second = wire.send(3);
    CHECK(first != second);
    const std::set<std::uint16_t> ports{wire.receive(), wire.receive()};
    CHECK(ports == std::set{wire.transport->local_port(first), wire.transport->local_port(second)});
    CHECK(ports.size() == 2);
}

// A question that is taken for sent is waited for in vain.
TEST_CASE("upstream sockets: what can be sent neither from a used socket nor from a new one is reported",
          "[upstream]") {
    Wire wire("40000\t40019\n");  // so few that one idle socket is enough to be reused
    if (!wire.plenty) {
        WARN("too few descriptors are allowed here");
        return;
    }
    wire.exchange(1);
    REQUIRE(wire.transport->idle() == 1);
    const auto sent = wire.transport->send_udp(2, wire.address, core::Bytes(70000));
    CHECK(sent.error == EMSGSIZE);
    CHECK(wire.transport->idle() == 0);
    wire.exchange(3);
    CHECK(wire.events.replies.back().first == 3);
}
