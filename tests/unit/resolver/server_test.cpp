// SPDX-License-Identifier: Apache-2.0
// The whole resolver on a real loop and real sockets of the loopback interface, port 0.
#include <set>

#include "core/log.h"
#include "tests/unit/resolver/server_kit.h"

using namespace postern;
using test::connected;
using test::Host;
using test::local;
using test::Query;
using test::records_of;
using Lines = std::vector<std::string>;

namespace {

core::Bytes framed(const core::Bytes& message) {
    core::Bytes out(2);
    core::store_be16(out.data(), static_cast<std::uint16_t>(message.size()));
    out.insert(out.end(), message.begin(), message.end());
    return out;
}

}  // namespace

TEST_CASE("server: private over UDP, forwarded over UDP from a new port, statistics on disk", "[server]") {
    Host host;
    host.publish(host.plan());
    REQUIRE(host.start());
    CHECK(records_of(host.ask(Query{})) == Lines{"db.example. 10 IN A 10.0.0.1"});
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 100; ++i) {
        const std::string name = "n" + std::to_string(i) + ".example.";
        const auto client = connected(host.address(), SOCK_DGRAM);
        const auto wire = Query{.name = name}.wire();
        ::send(client.get(), wire.data(), wire.size(), 0);
        sockaddr_in from{};
        const auto query = host.receive(host.upstream.get(), &from);
        REQUIRE_FALSE(query.empty());
        ports.insert(ntohs(from.sin_port));
        const auto reply = test::reply_to(query, 0, {name + " 60 IN A 192.0.2.1"});
        ::sendto(host.upstream.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), sizeof from);
        REQUIRE(records_of(host.receive(client.get())).size() == 1);
    }
    CHECK(ports.size() >= 95);
    CHECK(host.until([&] {
        const auto stats = core::read_stats(host.folder + "/run/stats");
        return stats && stats->queries[0][0][0] == 1 && stats->upstreams[0].answered == 100 &&
               stats->plan_accepted_generation == 1;
    }));
}

TEST_CASE("server: a datagram from another sender does not reach the exchange", "[server]") {
    Host host;
    host.publish(host.plan());
    REQUIRE(host.start());
    const auto client = connected(host.address(), SOCK_DGRAM);
    const auto wire = Query{.name = "www.example."}.wire();
    ::send(client.get(), wire.data(), wire.size(), 0);
    sockaddr_in from{};
    const auto query = host.receive(host.upstream.get(), &from);
    const auto stranger = Host::bound(SOCK_DGRAM, 0);
    const auto forged = test::reply_to(query, 0, {"www.example. 60 IN A 203.0.113.66"});
    ::sendto(stranger.get(), forged.data(), forged.size(), 0, reinterpret_cast<sockaddr*>(&from), sizeof from);
    const auto reply = test::reply_to(query, 0, {"www.example. 60 IN A 192.0.2.1"});
    ::sendto(host.upstream.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), sizeof from);
    CHECK(records_of(host.receive(client.get())) == Lines{"www.example. 60 IN A 192.0.2.1"});
}

TEST_CASE("server: a refusing upstream gives SERVFAIL with EDE 23 at once", "[server]") {
    Host host;
    auto plan = host.plan();
    const auto refusing = Host::refusing();
    plan.upstreams[0].address = local(Host::port_of(refusing.get()));
    host.publish(plan);
    REQUIRE(host.start());
    const auto reply = host.ask(Query{.name = "www.example.", .edns_size = 1232});
    CHECK(test::rcode_of(reply) == 2);
    CHECK(test::ede_of(reply) == 23);  // had it waited for the timeout, it would be 22
}

TEST_CASE("server: over TCP queries in any pieces, replies in any order, also to half-closed clients", "[server]") {
    Host host;
    host.publish(host.plan());
    REQUIRE(host.start());
    const auto client = connected(host.address(), SOCK_STREAM);
    core::Bytes stream;
    for (std::uint16_t id = 1; id <= 20; ++id) {
        const auto f = framed(Query{.name = id == 1 ? "slow.example." : "db.example.", .id = id}.wire());
        stream.insert(stream.end(), f.begin(), f.end());
    }
    // In odd pieces, then only reading.
    for (std::size_t at = 0; at < stream.size();) {
        const std::size_t n = std::min<std::size_t>(stream.size() - at, 1 + at % 50);
        host.until(
            [&] { return ::send(client.get(), stream.data() + at, n, MSG_NOSIGNAL) == static_cast<ssize_t>(n); });
        at += n;
        host.loop.poll();
    }
    ::shutdown(client.get(), SHUT_WR);
    const auto early = host.read_messages(client.get(), 19);
    REQUIRE(early.size() == 19);
    for (const auto& m : early)
        CHECK(core::load_be16(m.data()) != 1);
    sockaddr_in from{};
    const auto query = host.receive(host.upstream.get(), &from);
    const auto reply = test::reply_to(query, 0, {"slow.example. 60 IN A 192.0.2.1"});
    ::sendto(host.upstream.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), sizeof from);
    const auto late = host.read_messages(client.get(), 1);
    REQUIRE(late.size() == 1);
    CHECK(core::load_be16(late[0].data()) == 1);
    CHECK(host.until([&] { return host.server->stats().tcp_clients == 0; }));
}

TEST_CASE("server: idle and silent TCP clients are closed, and their number is limited by the plan", "[server]") {
    Host host;
    auto plan = host.plan();
    plan.settings.tcp_idle_ms = 200;
    plan.settings.tcp_max_clients = 2;
    host.publish(plan);
    REQUIRE(host.start());
    const auto first = connected(host.address(), SOCK_STREAM), second = connected(host.address(), SOCK_STREAM);
    REQUIRE(host.until([&] { return host.server->stats().tcp_clients == 2; }));
    const auto third = connected(host.address(), SOCK_STREAM);
    CHECK(host.until(
        [&] { return host.server->stats().events[static_cast<std::size_t>(core::ResolverEvent::kTcpRejected)] == 1; }));
    const std::uint8_t drip = 0;
    ::send(first.get(), &drip, 1, MSG_NOSIGNAL);
    CHECK(host.until([&] { return host.server->stats().tcp_clients == 0; }));
}

TEST_CASE("server: a client that never reads is closed, and its memory is bounded", "[server]") {
    Host host;
    auto plan = host.plan();
    plan.settings.tcp_idle_ms = 300;
    host.publish(plan);
    REQUIRE(host.start());
    const auto client = connected(host.address(), SOCK_STREAM);
    const auto query = framed(Query{}.wire());
    core::Bytes stream;
    for (int i = 0; i < 1000; ++i)
        stream.insert(stream.end(), query.begin(), query.end());
    CHECK(host.until([&] {
        for (int i = 0; i < 10; ++i)
            ::send(client.get(), stream.data(), stream.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return host.server->stats().queries[0][0][1] > 5000 && host.server->stats().tcp_clients == 0;
    }));
}

TEST_CASE("server: a truncated upstream answer is fetched over TCP, on one connection for several questions",
          "[server]") {
    Host host;
    host.publish(host.plan());
    REQUIRE(host.start());
    const auto client = connected(host.address(), SOCK_DGRAM);
    core::UniqueFd peer;
    resolver::TcpFraming framing;
    for (int i = 0; i < 3; ++i) {
        const std::string name = "big" + std::to_string(i) + ".example.";
        const auto wire = Query{.name = name}.wire();
        ::send(client.get(), wire.data(), wire.size(), 0);
        sockaddr_in from{};
        const auto query = host.receive(host.upstream.get(), &from);
        const auto cut = test::reply_to(query, 0, {}, {}, true, 0x0200);
        ::sendto(host.upstream.get(), cut.data(), cut.size(), 0, reinterpret_cast<sockaddr*>(&from), sizeof from);
        if (!peer) {
            host.until([&] {
                peer.reset(::accept4(host.upstream_tcp.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
                return static_cast<bool>(peer);
            });
            REQUIRE(peer);
        }
        const auto asked = host.read_messages(peer.get(), 1);
        REQUIRE(asked.size() == 1);
        const auto reply = framed(test::reply_to(asked[0], 0, {name + " 60 IN A 192.0.2.1"}));
        ::send(peer.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
        CHECK(records_of(host.receive(client.get())).size() == 1);
    }
    CHECK(::accept4(host.upstream_tcp.get(), nullptr, nullptr, SOCK_NONBLOCK) < 0);
}

TEST_CASE("server: new plans are used, damaged ones refused, and the folder may be created late or removed",
          "[server]") {
    Host host;
    const auto fallback = "name db.example\nupstream " + local(Host::port_of(host.upstream.get())).text() + "\n";
    REQUIRE(core::write_file(host.folder + "/fallback", core::as_bytes(fallback), 0644, false));
    // The listener is passed as by a socket unit, because a fallback file can't have port 0.
    std::vector<resolver::ListenSocket> sockets;
    for (const bool stream : {false, true}) {
        const std::uint16_t port = sockets.empty() ? std::uint16_t{0} : sockets[0].address.port;
        sockets.push_back(std::move(*resolver::bind_socket(local(port), stream)));
    }
    REQUIRE(host.start(std::move(sockets)));
    CHECK(host.server->stats().plan_source == static_cast<std::uint32_t>(core::PlanSource::kFallback));
    CHECK(test::rcode_of(host.ask(Query{})) == 2);
    const auto generation = [&] { return host.server->stats().plan_accepted_generation; };
    for (std::uint64_t g = 1; g <= 3; ++g) {
        host.publish(host.plan(g));
        CHECK(host.until([&] { return generation() == g; }));
        CHECK(records_of(host.ask(Query{})) == Lines{"db.example. 10 IN A 10.0.0." + std::to_string(g)});
    }
    REQUIRE(core::write_file(host.folder + "/run/plan", core::as_bytes("garbage"), 0644, false));
    CHECK(host.until([&] { return host.server->stats().plans_refused == 1; }));
    CHECK(core::read_stats(host.folder + "/run/stats")->plans_refused == 1);
    CHECK(records_of(host.ask(Query{})) == Lines{"db.example. 10 IN A 10.0.0.3"});
    // The folder is removed with its contents and created again.
    ::unlink((host.folder + "/run/plan").c_str());
    ::unlink((host.folder + "/run/stats").c_str());
    REQUIRE(::rmdir((host.folder + "/run").c_str()) == 0);
    CHECK(records_of(host.ask(Query{})).size() == 1);
    host.publish(host.plan(7));
    CHECK(host.until([&] { return generation() == 7; }));
}

TEST_CASE("server: a plan with other listen addresses moves the sockets", "[server]") {
    Host host;
    host.publish(host.plan());
    REQUIRE(host.start());
    const auto before = host.address();
    auto moved = host.plan(2);
    moved.listen = {Host::unused()};
    host.publish(moved);
    REQUIRE(host.until([&] { return host.server->stats().plan_accepted_generation == 2; }));
    CHECK(host.address() == moved.listen[0]);
    CHECK(records_of(host.ask(Query{})).size() == 1);
    const auto gone = connected(before, SOCK_DGRAM);
    const auto wire = Query{}.wire();
    ::send(gone.get(), wire.data(), wire.size(), 0);
    CHECK(host.until([&] {
        char c;
        return ::recv(gone.get(), &c, 1, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED;
    }));
}

TEST_CASE("server: the statistics say which addresses of the plan are not listened on, over UDP and TCP", "[server]") {
    Host host;
    std::vector<resolver::ListenSocket> sockets;
    sockets.push_back(std::move(*resolver::bind_socket(local(0), false)));
    const auto both = sockets[0].address;
    sockets.push_back(std::move(*resolver::bind_socket(both, true)));
    sockets.push_back(std::move(*resolver::bind_socket(local(0), false)));
    const auto udp_only = sockets[2].address;
    auto plan = host.plan();
    plan.listen = {udp_only, both, local(1)};
    host.publish(plan);
    REQUIRE(host.start(std::move(sockets)));
    CHECK(host.server->stats().listen_missing == 0b101);
    plan.generation = 2;
    plan.listen = {both};
    host.publish(plan);
    REQUIRE(host.until([&] { return host.server->stats().plan_accepted_generation == 2; }));
    CHECK(host.server->stats().listen_missing == 0);
}

TEST_CASE("server: an address that another program has is missing, and the others work", "[server]") {
    Host host;
    const auto other = Host::bound(SOCK_DGRAM, 0);
    auto plan = host.plan();
    plan.listen = {local(Host::port_of(other.get())), local(0)};
    host.publish(plan);
    REQUIRE(host.start());
    CHECK(host.server->stats().listen_missing == 0b01);
    CHECK(records_of(host.ask(Query{})).size() == 1);
}

TEST_CASE("server: with no bindable address in a plan the old ones are kept until a plan has one", "[server]") {
    Host host;
    auto plan = host.plan();
    const auto first = Host::unused();
    plan.listen = {first};
    host.publish(plan);
    REQUIRE(host.start());
    const auto take = [&](std::vector<core::SocketAddress> listen) {
        plan.listen = std::move(listen);
        ++plan.generation;
        host.publish(plan);
        REQUIRE(host.until([&] { return host.server->stats().plan_accepted_generation == plan.generation; }));
    };
    const auto taken = Host::unused();
    auto other = resolver::bind_socket(taken, false);
    REQUIRE(other);
    take({taken});
    CHECK(host.server->stats().listen_missing == 0b1);
    REQUIRE(host.server->addresses() == std::vector{first});
    CHECK(records_of(host.ask(Query{})).size() == 1);
    other->fd.reset();
    take({taken});
    CHECK(host.server->stats().listen_missing == 0);
    CHECK(host.server->addresses() == std::vector{taken});
    CHECK(records_of(host.ask(Query{})).size() == 1);
    // The wildcard address conflicts with a specific one.
    const core::SocketAddress everywhere{*core::IpAddress::parse("0.0.0.0"), taken.port};
    for (const auto& next : {everywhere, taken}) {
        take({next});
        CHECK(host.server->stats().listen_missing == 0);
        CHECK(host.server->addresses() == std::vector{next});
    }
    CHECK(records_of(host.ask(Query{})).size() == 1);
}

TEST_CASE("server: it can end with questions in flight, over UDP and TCP", "[server]") {
    Host host;
    host.publish(host.plan());
    REQUIRE(host.start());
    const auto client = connected(host.address(), SOCK_DGRAM);
    for (const char* name : {"www.example.", "big.example."}) {
        const auto wire = Query{.name = name}.wire();
        ::send(client.get(), wire.data(), wire.size(), 0);
    }
    sockaddr_in from{};
    host.receive(host.upstream.get(), &from);
    const auto query = host.receive(host.upstream.get(), &from);
    const auto cut = test::reply_to(query, 0, {}, {}, true, 0x0200);
    ::sendto(host.upstream.get(), cut.data(), cut.size(), 0, reinterpret_cast<sockaddr*>(&from), sizeof from);
    CHECK(host.until([&] { return host.server->stats().upstreams[0].tcp == 1; }));
    CHECK(host.server->stats().inflight == 2);
    host.server.reset();
}

TEST_CASE("server: an address that can't be had is said once, until that changes", "[server]") {
    Host host;
    int said = 0;
    auto other = resolver::bind_socket(Host::unused(), false);
    REQUIRE(other);
    auto plan = host.plan();
    plan.listen = {other->address, local(0)};
    host.publish(plan);
    core::capture_log([&](core::Level, std::string_view event, const std::string&) {
        if (event == "listen_failed") ++said;
    });
    REQUIRE(host.start());
    const auto take = [&] {
        plan.owners[0].explain = "verdicts " + std::to_string(++plan.generation);
        host.publish(plan);
        REQUIRE(host.until([&] { return host.server->stats().plan_accepted_generation == plan.generation; }));
    };
    for (int i = 0; i < 6; ++i)
        take();
    CHECK(said == 1);
    other->fd.reset();
    take();
    CHECK(host.server->stats().listen_missing == 0);
    core::capture_log({});
}

TEST_CASE("server: a plan without upstreams or addresses does not take those in use", "[server]") {
    Host host;
    auto plan = host.plan();
    host.publish(plan);
    REQUIRE(host.start());
    plan.upstreams.clear();
    plan.listen.clear();
    plan.generation = 2;
    host.publish(plan);
    REQUIRE(host.until([&] { return host.server->stats().plan_accepted_generation == 2; }));
    REQUIRE(host.server->addresses().size() == 1);
    const auto client = connected(host.address(), SOCK_DGRAM);
    const auto wire = Query{.name = "www.example."}.wire();
    ::send(client.get(), wire.data(), wire.size(), 0);
    CHECK_FALSE(host.receive(host.upstream.get()).empty());
}
