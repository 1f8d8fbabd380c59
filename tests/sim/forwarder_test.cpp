// SPDX-License-Identifier: Apache-2.0
// The forwarder, the cache and the handler on a fake clock, with upstreams that the test plays: dead,
// slow, forging, old.
#include <cerrno>
#include <set>

#include "tests/unit/catch.h"
#include "tests/unit/resolver/handler_kit.h"

using namespace postern;
using core::kMillisecond;
using core::kSecond;
using core::ResolverEvent;
using test::Bench;
using test::kAnswer;
using test::kSoa;
using test::kWww;
using test::Query;
using test::records_of;
using Net = test::ForwardingBench;
using Lines = std::vector<std::string>;

namespace {

core::PlanSettings with_budget(std::uint64_t ms) {
    core::PlanSettings s;
    s.upstream_budget_ms = ms;
    return s;
}

}  // namespace

TEST_CASE("forwarding: our own ID and OPT go out, the client's flags, question and letters with them", "[forwarder]") {
    Net net;
    Query q = kWww;
    q.name = "WwW.example.";
    q.id = 0x1111;
    q.flags = 0x0130;  // RD AD CD
    q.dnssec_ok = true;
    q.edns_size = 4000;
    q.edns_options = {0, 8, 0, 4, 0, 1, 0, 0};  // client subnet, which is not passed on
    CHECK(net.ask(q).empty());
    CHECK(net.pending);
    const auto sent = net.transport.open.at(0).query;
    CHECK(core::load_be16(sent.data()) != 0x1111);
    CHECK(core::load_be16(sent.data() + 2) == 0x0130);
    const auto packet = test::parse(sent);
    REQUIRE(packet);
    CHECK((ldns_pkt_edns_do(packet.get()) && ldns_pkt_edns_udp_size(packet.get()) == 1232));
    // The only option is our cookie (RFC 7873).
    REQUIRE(ldns_pkt_edns_data(packet.get()) != nullptr);
    CHECK(ldns_rdf_size(ldns_pkt_edns_data(packet.get())) == 12);
    CHECK(ldns_rdf_data(ldns_pkt_edns_data(packet.get()))[1] == 10);
    CHECK(core::as_text(sent).find("WwW") != std::string_view::npos);
}

TEST_CASE("forwarding: AA and AD are cleared, unknown types pass, OPT follows the client", "[forwarder]") {
    Net net;
    Query plain = kWww;
    plain.edns_size = -1;
    plain.type = 65280;
    plain.flags = 0x0120;  // RD AD
    net.ask(plain);
    net.transport.deliver(0, test::reply_to(net.transport.open[0].query, 0,
                                            {"www.example. 60 IN TYPE65280 \\# 3 010203"}, {}, true, 0x0420));
    CHECK(test::flags_of(net.last()) == 0x8180);  // QR RD RA
    CHECK(core::load_be16(net.last().data() + 10) == 0);
    CHECK(records_of(net.last()) == Lines{"www.example. 60 IN TYPE65280 \\# 3 010203"});
    net.ask(kWww);
    net.transport.answer(0, 0, kAnswer, {}, false);
    CHECK(core::load_be16(net.last().data() + 10) == 1);
}

TEST_CASE("failover: refused by ICMP means the next server at once, all refused means an answer at once",
          "[forwarder]") {
    Net net;
    net.ask(kWww);
    net.transport.fail(0, ECONNREFUSED);
    REQUIRE(net.transport.open.size() == 1);
    CHECK(net.server(0) == "192.0.2.2");
    net.transport.fail(0, ECONNREFUSED);
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(test::rcode_of(net.last()) == 2);
    CHECK(test::ede_of(net.last()) == 23);
    CHECK(net.event(ResolverEvent::kUpstreamAllFailed) == 1);
}

TEST_CASE("failover: after SERVFAIL and REFUSED the next server is asked, the last reply is passed on", "[forwarder]") {
    Net net;
    net.ask(kWww);
    net.transport.answer(0, 2, {});
    CHECK(net.server(0) == "192.0.2.2");
    net.transport.answer(0, 5, {});
    for (int i = 0; i < 2; ++i)  // both once more without OPT
        net.transport.answer(0, 5, {}, {}, false);
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(test::rcode_of(net.last()) == 5);
    Net second;
    second.ask(kWww);
    second.transport.answer(0, 2, {});
    second.transport.answer(0, 0, kAnswer);
    CHECK(records_of(second.last()) == kAnswer);
}

// Else the client waits for the silent server's time, though it is known that the other one has no answer.
TEST_CASE("failover: an error means the next server at once, also while an earlier one is silent", "[forwarder]") {
    Net net(3);
    net.ask(kWww);
    net.clock.advance(201 * kMillisecond);
    REQUIRE(net.transport.open.size() == 2);
    net.transport.answer(1, 2, {});
    REQUIRE(net.transport.open.size() == 2);
    CHECK(net.server(1) == "192.0.2.3");
}

TEST_CASE("silence: the next server after 200 ms, and the first one's late answer still counts", "[forwarder]") {
    Net net;
    net.ask(kWww);
    net.clock.advance(199 * kMillisecond);
    CHECK(net.transport.open.size() == 1);
    net.clock.advance(2 * kMillisecond);
    REQUIRE(net.transport.open.size() == 2);
    CHECK(net.server(1) == "192.0.2.2");
    net.transport.answer(0, 0, kAnswer);
    CHECK(records_of(net.last()) == kAnswer);
    CHECK(net.transport.open.empty());
    CHECK(net.forwarder.inflight() == 0);
}

TEST_CASE("silence: the timeout is three times the smoothed round-trip time", "[forwarder]") {
    Net net;
    for (int i = 0; i < 20; ++i) {
        net.ask(Query{.name = "n" + std::to_string(i) + ".example."});
        net.clock.advance(150 * kMillisecond);
        net.transport.answer(0, 3, {}, kSoa);
    }
    net.ask(kWww);
    net.clock.advance(440 * kMillisecond);
    CHECK(net.transport.open.size() == 1);
    net.clock.advance(20 * kMillisecond);
    CHECK(net.transport.open.size() == 2);
}

TEST_CASE("silence of all servers ends in SERVFAIL with EDE 22 within the budget", "[forwarder]") {
    for (const std::uint64_t budget : {1800, 4000}) {
        Net net(2, with_budget(budget));
        net.ask(kWww);
        net.clock.advance(static_cast<core::Micros>(budget - 1) * kMillisecond);
        CHECK(net.sink.replies.empty());
        net.clock.advance(2 * kMillisecond);
        REQUIRE(net.sink.replies.size() == 1);
        CHECK(test::rcode_of(net.last()) == 2);
        CHECK(test::ede_of(net.last()) == 22);
        CHECK(net.transport.sent >= 4);  // each was asked more than once
        net.clock.advance(10 * kSecond);
        CHECK(net.transport.open.empty());
        CHECK(net.clock.idle());
    }
}

TEST_CASE("a dead server is asked last, until it has answered a recheck", "[forwarder]") {
    Net net;
    const auto exchange = [&](const std::string& name) {
        net.ask(Query{.name = name, .edns_size = 1232});
        return net.transport.open.size();
    };
    for (int i = 0; i < 3; ++i) {
        exchange("a" + std::to_string(i) + ".example.");
        net.clock.advance(201 * kMillisecond);
        net.transport.answer(1, 3, {}, kSoa);  // the second server
    }
    REQUIRE(exchange("b.example.") == 1);
    CHECK(net.server(0) == "192.0.2.2");
    net.transport.answer(0, 3, {}, kSoa);
    net.clock.advance(2 * kSecond);
    REQUIRE(exchange("c.example.") == 2);  // the recheck and the regular attempt
    CHECK(net.server(0) == "192.0.2.1");
    CHECK(net.server(1) == "192.0.2.2");
    net.transport.answer(0, 3, {}, kSoa);
    REQUIRE(exchange("d.example.") == 1);
    CHECK(net.server(0) == "192.0.2.1");
}

TEST_CASE("FORMERR to OPT: repeated without, remembered for a while", "[forwarder]") {
    for (const bool bare : {false, true}) {
        Net net(1);
        net.ask(kWww);
        auto refusal = test::reply_to(net.transport.open[0].query, 1, {}, {}, false);
        if (bare) {
            refusal.resize(12);
            core::store_be16(refusal.data() + 4, 0);
        }
        net.transport.deliver(0, refusal);
        REQUIRE(net.transport.open.size() == 1);
        CHECK(core::load_be16(net.transport.open[0].query.data() + 10) == 0);
        net.transport.answer(0, 0, kAnswer, {}, false);
        CHECK(records_of(net.last()) == kAnswer);
        CHECK(core::load_be16(net.last().data() + 10) == 1);  // ours, for the client
        net.ask(Query{.name = "b.example."});
        CHECK(core::load_be16(net.transport.open[0].query.data() + 10) == 0);
        net.transport.answer(0, 3, {}, kSoa, false);
        net.clock.advance(16 * core::kMinute);
        net.ask(Query{.name = "c.example."});
        CHECK(core::load_be16(net.transport.open[0].query.data() + 10) == 1);
    }
}

TEST_CASE("TC: repeated over TCP, and when that fails with the next server", "[forwarder]") {
    Net net;
    net.ask(kWww);
    net.transport.deliver(0, test::reply_to(net.transport.open[0].query, 0, {}, {}, true, 0x0200));
    REQUIRE(net.transport.open.size() == 1);
    CHECK(net.transport.open[0].tcp);
    CHECK(net.server(0) == "192.0.2.1");
    net.transport.fail(0, ECONNREFUSED);
    CHECK(net.server(0) == "192.0.2.2");
    net.transport.answer(0, 0, kAnswer);
    CHECK(records_of(net.last()) == kAnswer);
}

TEST_CASE("dedupe: identical questions share one query, and every client gets its own reply", "[forwarder]") {
    Net net;
    for (std::uint16_t i = 0; i < 200; ++i) {
        Query q = kWww;
        q.id = i;
        if (i % 2) q.name = "WWW.example.";
        net.ask(q);
    }
    CHECK(net.transport.sent == 1);
    CHECK(net.event(ResolverEvent::kJoined) == 199);
    net.transport.answer(0, 0, kAnswer);
    REQUIRE(net.sink.replies.size() == 200);
    for (std::uint16_t i = 0; i < 200; ++i) {
        CHECK(core::load_be16(net.sink.replies[i].data()) == i);
        CHECK((core::as_text(net.sink.replies[i]).find("WWW") != std::string_view::npos) == (i % 2 == 1));
    }
    // DO, CD, AD and the type are part of the key.
    net.ask(Query{.name = "x.example."});
    net.ask(Query{.name = "x.example.", .edns_size = 1232, .dnssec_ok = true});
    net.ask(Query{.name = "x.example.", .flags = 0x0110});
    net.ask(Query{.name = "x.example.", .flags = 0x0120});
    net.ask(Query{.name = "x.example.", .type = 28});
    CHECK(net.transport.sent == 6);
}

TEST_CASE("forgery: a reply with another ID, question, QR or opcode is discarded and counted", "[forwarder]") {
    Net net(1);
    net.ask(kWww);
    const auto good = test::reply_to(net.transport.open[0].query, 0, kAnswer);
    auto forged = good;
    forged[0] = static_cast<std::uint8_t>(forged[0] ^ 1);
    CHECK_FALSE(net.transport.deliver(0, forged));
    forged = good;
    forged[2] = static_cast<std::uint8_t>(forged[2] & 0x7f);
    CHECK_FALSE(net.transport.deliver(0, forged));
    forged = good;
    forged[14] = 'x';
    CHECK_FALSE(net.transport.deliver(0, forged));
    forged = good;
    forged[2] = static_cast<std::uint8_t>(forged[2] | 0x08);
    CHECK_FALSE(net.transport.deliver(0, forged));
    CHECK_FALSE(net.transport.deliver(0, core::Bytes(11)));
    CHECK(net.event(ResolverEvent::kUpstreamMismatch) == 5);
    CHECK(net.sink.replies.empty());
    CHECK(net.transport.deliver(0, good));
    CHECK(records_of(net.last()) == kAnswer);
}

TEST_CASE("forgery: 10,000 guessed IDs on the right port are not accepted, nor a birthday attack", "[forwarder]") {
    for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
        Bench net(seed);
        net.use(test::usual_plan(1));
        CAPTURE(seed);
        // The attacker asks the same name often, to have many queries in flight (birthday attack).
        for (std::uint16_t i = 0; i < 500; ++i) {
            Query q = kWww;
            q.id = i;
            net.ask(q, test::client_at("127.0.0.1:" + std::to_string(1000 + i)));
        }
        CHECK(net.transport.open.size() == 1);
        core::SeededRandom attacker(seed + 100);
        auto forged = test::reply_to(net.transport.open[0].query, 0, {"www.example. 60 IN A 203.0.113.66"});
        for (int i = 0; i < 10000; ++i) {
            core::store_be16(forged.data(), attacker.next16());
            // UDP only: an off-path attacker can't write into a TCP connection.
            if (net.transport.open.empty() || net.transport.open[0].tcp) break;
            net.transport.deliver(0, forged);
        }
        REQUIRE(net.sink.replies.empty());
        REQUIRE(net.transport.open.size() == 1);
        CHECK(net.transport.open[0].tcp);
        net.transport.answer(0, 0, kAnswer);
        CHECK(records_of(net.last()) == kAnswer);
    }
}

TEST_CASE("IDs: a thousand queries have about as many different random IDs", "[forwarder]") {
    Net net;
    std::set<std::uint16_t> ids;
    for (int i = 0; i < 1000; ++i) {
        net.ask(Query{.name = "n" + std::to_string(i) + ".example."});
        ids.insert(core::load_be16(net.transport.open[0].query.data()));
        net.transport.answer(0, 3, {}, kSoa);
    }
    CHECK(ids.size() > 950);
}

TEST_CASE("cookies: kept per server, a wrong one is discarded, a missing one sends the question over TCP",
          "[forwarder]") {
    Net net(1);
    const auto with_cookie = [](const core::Bytes& query, const core::Bytes& server_part,
                                std::uint8_t extended_rcode = 0, std::uint16_t rcode = 0) {
        auto reply = test::reply_to(query, rcode, extended_rcode ? Lines{} : kAnswer, {}, false);
        Query opt;
        opt.edns_size = 1232;
        // The query ends in its cookie option; a first one has the client's 8 bytes only.
        const std::size_t at =
            query.size() -
            (core::as_text(query).substr(query.size() - 10, 2) == std::string_view("\0\x08", 2) ? 8 : 16);
        opt.edns_options = {0, 10, 0, static_cast<std::uint8_t>(8 + server_part.size())};
        opt.edns_options.insert(opt.edns_options.end(), query.begin() + static_cast<std::ptrdiff_t>(at),
                                query.begin() + static_cast<std::ptrdiff_t>(at) + 8);
        opt.edns_options.insert(opt.edns_options.end(), server_part.begin(), server_part.end());
        const std::size_t opt_at = reply.size();
        opt.add_opt(reply);
        reply[opt_at + 5] = extended_rcode;
        return reply;
    };
    const core::Bytes first(8, 0xaa), second(8, 0xbb);
    net.ask(kWww);
    auto forged = with_cookie(net.transport.open[0].query, first);
    forged[forged.size() - 16] = static_cast<std::uint8_t>(forged[forged.size() - 16] ^ 1);
    CHECK_FALSE(net.transport.deliver(0, forged));
    net.transport.deliver(0, with_cookie(net.transport.open[0].query, first));
    CHECK(records_of(net.last()) == kAnswer);

    net.ask(Query{.name = "b.example."});
    auto query = net.transport.open[0].query;
    CHECK(core::Bytes(query.end() - 8, query.end()) == first);
    // BADCOOKIE brings a new one and is asked again with it.
    net.transport.deliver(0, with_cookie(query, second, 1, 7));
    REQUIRE(net.transport.open.size() == 1);
    query = net.transport.open[0].query;
    CHECK(core::Bytes(query.end() - 8, query.end()) == second);
    CHECK_FALSE(net.transport.open[0].tcp);
    // A reply without a cookie from a server that sends them is discarded; the question is repeated over TCP.
    net.transport.answer(0, 0, {"b.example. 60 IN A 203.0.113.66"});
    net.clock.advance(51 * kMillisecond);
    REQUIRE(net.transport.open.size() == 2);
    CHECK(net.transport.open[1].tcp);
    net.transport.answer(1, 0, {"b.example. 60 IN A 192.0.2.1"});
    CHECK(records_of(net.last()) == Lines{"b.example. 60 IN A 192.0.2.1"});
    // The reply over TCP is accepted: the server does not send cookies any more.
    net.ask(Query{.name = "c.example."});
    net.transport.answer(0, 3, {}, kSoa);
    CHECK(net.transport.open.empty());
}

TEST_CASE("malformed replies count as a failure of the server", "[forwarder]") {
    Net net(2);
    net.ask(kWww);
    auto cut = test::reply_to(net.transport.open[0].query, 0, kAnswer, {}, false);
    cut.pop_back();
    net.transport.deliver(0, cut);
    CHECK(net.server(0) == "192.0.2.2");
    net.transport.answer(0, 0, kAnswer);
    CHECK(records_of(net.last()) == kAnswer);
}

TEST_CASE("overload: the oldest question gets SERVFAIL with EDE 0, private names are answered", "[forwarder]") {
    core::PlanSettings settings;
    settings.max_inflight = 16;
    Net net(1, settings);
    for (std::uint16_t i = 0; i < 40; ++i)
        net.ask(Query{.name = "n" + std::to_string(i) + ".example.", .id = i, .edns_size = 1232});
    CHECK(net.forwarder.inflight() == 16);
    REQUIRE(net.sink.replies.size() == 24);
    CHECK(core::load_be16(net.sink.replies[0].data()) == 0);
    CHECK(test::rcode_of(net.sink.replies[0]) == 2);
    CHECK(test::ede_of(net.sink.replies[0]) == 0);
    CHECK(net.event(ResolverEvent::kOverload) == 24);
    CHECK(records_of(net.ask(Query{})).size() == 2);
    net.clock.advance(10 * kSecond);
    CHECK(net.sink.replies.size() == 40);
    CHECK(net.forwarder.inflight() == 0);
}

TEST_CASE("overload: a noisy client displaces its own questions, not those of others", "[forwarder]") {
    Bench net;
    auto plan = test::usual_plan(1);
    plan.settings.max_inflight = 16;
    plan.allow = {*core::IpPrefix::parse("0.0.0.0/0")};
    net.use(plan);
    net.ask(Query{.name = "quiet.example.", .id = 7777}, test::client_at("10.0.0.1:99"));
    for (std::uint16_t i = 0; i < 500; ++i)
        net.ask(Query{.name = "n" + std::to_string(i) + ".example."}, test::client_at("10.0.0.2:99"));
    for (const auto& reply : net.sink.replies)
        CHECK(core::load_be16(reply.data()) != 7777);
    REQUIRE(core::as_text(net.transport.open.at(0).query).find("quiet") != std::string_view::npos);
    net.transport.answer(0, 0, {"quiet.example. 60 IN A 192.0.2.1"});
    CHECK(core::load_be16(net.last().data()) == 7777);
}

TEST_CASE("no upstreams: SERVFAIL with EDE 22 at once", "[forwarder]") {
    Net net(0);
    net.ask(kWww);
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(test::ede_of(net.last()) == 22);
}

TEST_CASE("local trouble: being out of descriptors is answered, and no failure of the server", "[forwarder]") {
    Net net;
    net.transport.refuse_with = EMFILE;
    for (int i = 0; i < 10; ++i)
        net.ask(Query{.name = "n" + std::to_string(i) + ".example."});
    CHECK(net.sink.replies.size() == 10);
    CHECK_FALSE(net.forwarder.upstreams()[0]->suspect());
}

TEST_CASE("idle: with everything answered no alarm is set", "[forwarder]") {
    Net net;
    net.ask(kWww);
    net.transport.answer(0, 0, kAnswer);
    net.clock.advance(kSecond);
    CHECK(net.clock.idle());
}
