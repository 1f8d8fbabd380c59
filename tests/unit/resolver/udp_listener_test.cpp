// SPDX-License-Identifier: Apache-2.0
// Datagrams of clients on a real socket.
#include "tests/unit/resolver/server_kit.h"

using namespace postern;
using test::connected;
using test::Host;
using test::Query;
using test::records_of;

namespace {

/// A query of `size` bytes: an option that we don't know fills it.
core::Bytes query_of(std::size_t size, std::uint16_t id) {
    Query q{.id = id, .edns_size = 1232};
    const std::size_t rest = size - q.wire().size() - 4;
    q.edns_options = {0xfd, 0xea, static_cast<std::uint8_t>(rest >> 8), static_cast<std::uint8_t>(rest)};
    q.edns_options.insert(q.edns_options.end(), rest, 'x');
    auto wire = q.wire();
    REQUIRE(wire.size() == size);
    return wire;
}

}  // namespace

TEST_CASE("udp: a query of any size is read whole, also in a batch with small ones", "[server]") {
    // Padding and unknown options make large queries; half of one would be a format error.
    Host host;
    host.publish(host.plan());
    REQUIRE(host.start());
    const auto client = connected(host.address(), SOCK_DGRAM);
    const int room = 1 << 20;
    REQUIRE(::setsockopt(client.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
    for (int round = 0; round < 2; ++round) {
        std::uint16_t id = 1;
        std::vector<std::size_t> sizes;
        // Rounds differ in order, so that each place in the batch has had a larger query before.
        for (const std::size_t size : {2047, 100, 2048, 2049, 200, 4096, 65507, 100, 5000})
            sizes.insert(round == 0 ? sizes.end() : sizes.begin(), size);
        for (const std::size_t size : sizes) {
            const auto wire = query_of(size, id++);
            REQUIRE(::send(client.get(), wire.data(), wire.size(), 0) == static_cast<ssize_t>(size));
        }
        for (std::uint16_t expected = 1; expected < id; ++expected) {
            const auto reply = host.receive(client.get());
            REQUIRE(reply.size() > 12);
            CAPTURE(sizes.at(expected - 1u));
            CHECK(core::load_be16(reply.data()) == expected);
            CHECK(test::rcode_of(reply) == 0);
            CHECK(records_of(reply).size() == 1);
        }
    }
}

// A client takes no reply from another address than it has asked.
TEST_CASE("udp: on a wildcard address replies come from the address that was asked", "[server]") {
    Host host;
    auto plan = host.plan();
    plan.listen = {{*core::IpAddress::parse("0.0.0.0"), 0}};
    host.publish(plan);
    REQUIRE(host.start());
    const auto at = [&](const char* ip) {
        return core::SocketAddress{*core::IpAddress::parse(ip), host.address().port};
    };
    const core::UniqueFd clients[] = {connected(at("127.0.0.2"), SOCK_DGRAM), connected(at("127.0.0.1"), SOCK_DGRAM),
                                      connected(at("127.0.0.3"), SOCK_DGRAM)};
    const auto ask_all = [&](const std::string& name) {
        for (const auto& client : clients) {
            const auto wire = Query{.name = name}.wire();
            REQUIRE(::send(client.get(), wire.data(), wire.size(), 0) == static_cast<ssize_t>(wire.size()));
        }
    };
    ask_all("db.example.");  // in one batch
    for (const auto& client : clients)
        CHECK(records_of(host.receive(client.get())).size() == 1);
    ask_all("www.example.");
    sockaddr_in from{};
    const auto question = host.receive(host.upstream.get(), &from);
    REQUIRE_FALSE(question.empty());
    const auto answer = test::reply_to(question, 0, test::kAnswer);
    ::sendto(host.upstream.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), sizeof from);
    for (const auto& client : clients)
        CHECK(records_of(host.receive(client.get())) == test::kAnswer);
}

TEST_CASE("udp: a client of this host gets a reply of 4096 bytes, the most there is room for", "[server]") {
    Host host;
    host.publish(host.plan());
    REQUIRE(host.start());
    const auto client = connected(host.address(), SOCK_DGRAM);
    const auto wire = Query{.name = "www.example.", .type = LDNS_RR_TYPE_TXT, .edns_size = 4096}.wire();
    REQUIRE(::send(client.get(), wire.data(), wire.size(), 0) == static_cast<ssize_t>(wire.size()));
    sockaddr_in from{};
    const auto question = host.receive(host.upstream.get(), &from);
    REQUIRE_FALSE(question.empty());
    const auto text = [](std::size_t size) { return "www.example. 60 IN TXT \"" + std::string(size, 'x') + "\""; };
    const auto answer_of = [&](std::size_t last) {
        std::vector<std::string> records(17, text(200));
        records.push_back(text(last / 2));
        records.push_back(text(last - last / 2));
        return test::reply_to(question, 0, records);
    };
    const std::size_t missing = 4096 - answer_of(100).size();
    const auto answer = answer_of(100 + missing);
    REQUIRE(answer.size() == 4096);
    ::sendto(host.upstream.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), sizeof from);
    const auto reply = host.receive(client.get());
    CHECK(reply.size() == 4096);
    CHECK(records_of(reply).size() == 19);
}
