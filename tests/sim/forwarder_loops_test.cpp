// SPDX-License-Identifier: Apache-2.0
// Forwarders that ask us back. On a fake clock.
#include "tests/unit/resolver/handler_kit.h"

#include "tests/unit/catch.h"

using namespace postern;
using core::kMillisecond;
using core::kSecond;
using core::ResolverEvent;
using test::Bench;
using test::kAnswer;
using test::kWww;
using Net = test::ForwardingBench;
using test::Query;

TEST_CASE("loops: our own query that comes back is refused, so that the next server is asked", "[forwarder]") {
    Net net;
    net.ask(kWww);
    const auto own = net.transport.open[0];
    const auto port = net.transport.local_port(own.handle);
    const auto reply = net.ask(own.query, test::client_at("127.0.0.1:" + std::to_string(port)));
    CHECK(test::rcode_of(reply) == 5);
    CHECK(net.event(ResolverEvent::kLoopDetected) == 1);
    net.transport.deliver(0, reply);
    CHECK(net.server(0) == "192.0.2.2");
}

TEST_CASE("loops: a forwarder that asks us back is found out at once, and asked again a minute later", "[forwarder]") {
    for (const bool other_server : {true, false}) {
        Bench net;
        auto plan = test::usual_plan(other_server ? 2 : 1);
        plan.upstreams[0].address = *core::SocketAddress::parse("127.0.0.1:53", 53);
        net.use(plan);
        CHECK(net.ask(kWww).empty());
        auto asked_back = net.transport.open.at(0).query;  // by the forwarder, with an ID and a port of its own
        asked_back[0] = static_cast<std::uint8_t>(asked_back[0] ^ 1);
        CHECK(net.ask(asked_back, test::client_at("127.0.0.1:5555")).empty());
        CHECK(net.event(ResolverEvent::kLoopDetected) == 0);
        REQUIRE(net.transport.open.size() == 2);
        const auto unknown = net.transport.open[1].query;
        CHECK(net.transport.open[1].server.text() == "127.0.0.1:53");
        CHECK(core::as_text(unknown).find("\x03www\x07"
                                          "example") != std::string_view::npos);  // below what loops
        CHECK(test::rcode_of(net.ask(unknown, test::client_at("127.0.0.1:5555"))) == 5);
        CHECK(net.event(ResolverEvent::kLoopDetected) == 1);
        CHECK(net.sink.replies.empty());  // from inside the reply to the query that has come back
        net.clock.advance(kMillisecond);
        if (other_server) {
            REQUIRE(net.transport.open.size() == 1);
            CHECK(net.transport.open[0].server.text() == "192.0.2.2:53");
            net.transport.answer(0, 0, kAnswer);
        }
        CHECK(net.transport.open.empty());
        REQUIRE(net.sink.replies.size() == 2);
        for (const auto& reply : net.sink.replies)
            CHECK(test::rcode_of(reply) == (other_server ? 0 : 2));

        Query next = kWww;
        next.name = "next.example.";
        net.sink.replies.clear();
        const auto reply = net.ask(next);
        if (!other_server) CHECK(test::rcode_of(reply.empty() ? net.last() : reply) == 2);
        if (other_server) CHECK(net.transport.open.at(0).server.text() == "192.0.2.2:53");
        if (other_server) net.transport.answer(0, 0, {"next.example. 60 IN A 192.0.2.1"});
        net.clock.advance(61 * kSecond);
        next.name = "later.example.";
        net.ask(next);
        CHECK(net.transport.open.at(0).server.text() == "127.0.0.1:53");
    }
}

TEST_CASE("loops: a forwarder that answers, or is elsewhere than who asks, is not doubted", "[forwarder]") {
    Bench net;
    auto plan = test::usual_plan(1);
    plan.upstreams[0].address = *core::SocketAddress::parse("127.0.0.1:53", 53);
    net.use(plan);
    net.ask(kWww);
    net.transport.answer(0, 0, kAnswer);
    Query next = kWww;
    next.name = "next.example.";
    net.ask(next);
    net.ask(next, test::client_at("127.0.0.1:5555"));
    CHECK(net.transport.open.size() == 1);
    Net far;
    far.ask(kWww);
    far.ask(kWww, test::client_at("127.0.0.1:5555"));
    CHECK(far.transport.open.size() == 1);
}
