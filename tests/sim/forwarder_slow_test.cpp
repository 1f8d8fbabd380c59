// SPDX-License-Identifier: Apache-2.0
// Slow is not dead, and odd is not wrong: servers that answer late, or not what they do not understand. On a fake clock.
#include <cerrno>
#include <set>

#include "tests/unit/catch.h"
#include "tests/unit/resolver/handler_kit.h"

using namespace postern;
using core::kMillisecond;
using core::kSecond;
using core::Micros;
using core::ResolverEvent;
using test::Bench;
using test::has_cookie;
using test::has_opt;
using test::kAnswer;
using test::kSoa;
using test::kWww;
using test::Query;
using test::records_of;
using Lines = std::vector<std::string>;

namespace {

constexpr std::uint16_t kNoError = 0, kFormErr = 1, kServFail = 2, kNxDomain = 3, kNotImp = 4, kRefused = 5;

Query named(const std::string& name, std::uint16_t id = 1) {
    Query q = kWww;
    q.name = name;
    q.id = id;
    return q;
}

/// A good answer with the cookie of another client.
core::Bytes mistaken(const core::Bytes& query) {
    auto reply = test::reply_to(query, kNoError, kAnswer, {}, false);
    Query opt;
    opt.edns_size = 1232;
    opt.edns_options = {0, 10, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    opt.add_opt(reply);
    return reply;
}

/// A host with `options timeout:2 attempts:3`, as on Alibaba's images.
struct Net : Bench {
    explicit Net(int servers = 1) {
        auto plan = test::usual_plan(servers);
        plan.settings.upstream_budget_ms = 1800;
        plan.settings.client_patience_ms = 6000;
        use(plan);
    }
    /// Every server answers, with OPT, so that nothing is unknown of it.
    void warm_up() {
        for (std::size_t i = 0; i < forwarder.upstreams().size(); ++i) {
            ask(named("warm" + std::to_string(i) + ".example."));
            transport.answer(0, kNxDomain, {}, kSoa);
        }
        sink.replies.clear();
    }
    std::size_t index_of(std::string_view name) const {
        for (std::size_t i = 0; i < transport.open.size(); ++i) {
            if (core::as_text(transport.open[i].query).find(name) != std::string_view::npos) return i;
        }
        FAIL("nothing was asked about " << name);
        return 0;
    }
    /// The queries for the root's name servers, which ask whether a server is alive.
    std::size_t knocks() const {
        return static_cast<std::size_t>(std::count_if(transport.open.begin(), transport.open.end(), [](const auto& e) {
            return e.query.size() == 17 && e.query[12] == 0;
        }));
    }
    void answer_knock() {
        for (std::size_t i = 0; i < transport.open.size(); ++i) {
            if (transport.open[i].query.size() == 17) return transport.answer(i, kNoError, {}, {}, false);
        }
        FAIL("no knock");
    }
};

}  // namespace

TEST_CASE("slow: a server that answers others is waited for, and its first attempt may answer", "[forwarder]") {
    Net net;
    net.warm_up();
    net.ask(kWww);
    net.clock.advance(2500 * kMillisecond);
    CHECK(net.sink.replies.empty());
    CHECK(net.about("www") == 3);  // not more than for a silent one
    net.transport.answer(net.index_of("www"), kNoError, kAnswer);
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(records_of(net.last()) == kAnswer);
    CHECK(net.about("www") == 0);
    CHECK_FALSE(net.forwarder.upstreams()[0]->suspect());
}

TEST_CASE("slow: on an idle host one small query finds out whether the server lives", "[forwarder]") {
    for (const bool alive : {true, false}) {
        CAPTURE(alive);
        Net net;
        net.warm_up();
        net.clock.advance(core::kMinute);
        net.ask(kWww);
        net.clock.advance(500 * kMillisecond);
        CHECK(net.knocks() == 0);
        net.clock.advance(200 * kMillisecond);
        REQUIRE(net.knocks() == 1);
        // With RD: without it an honest server may refuse, and a dead one could not be told from it.
        for (const auto& e : net.transport.open)
            CHECK((core::load_be16(e.query.data() + 2) & resolver::kRd) != 0);
        if (alive) net.answer_knock();
        net.clock.advance(1200 * kMillisecond);
        CHECK(net.sink.replies.size() == (alive ? 0 : 1));
        if (!alive) CHECK(test::ede_of(net.last()) == 22);
        // Late for one of them; cached for both.
        net.clock.advance(600 * kMillisecond);
        net.transport.answer(net.index_of("www"), kNoError, kAnswer);
        CHECK(net.sink.replies.size() == 1);
        CHECK(records_of(net.ask(kWww)) == kAnswer);
    }
}

TEST_CASE("slow: SERVFAIL comes shortly before the client gives up, and only then", "[forwarder]") {
    Net net;
    net.warm_up();
    net.ask(kWww);
    net.clock.advance(5400 * kMillisecond);
    CHECK(net.sink.replies.empty());
    net.clock.advance(200 * kMillisecond);
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(test::rcode_of(net.last()) == kServFail);
    net.transport.answer(net.index_of("www"), kNoError, kAnswer);
    CHECK(records_of(net.ask(kWww)) == kAnswer);
}

TEST_CASE("slow: a client that joins late has its own time", "[forwarder]") {
    Net net;
    net.warm_up();
    net.ask(named("www.example.", 1));
    net.clock.advance(4 * kSecond);
    net.ask(named("www.example.", 2));
    net.clock.advance(1600 * kMillisecond);
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(core::load_be16(net.last().data()) == 1);
    net.transport.answer(net.transport.open.size() - 1, kNoError, kAnswer);
    REQUIRE(net.sink.replies.size() == 2);
    CHECK(core::load_be16(net.last().data()) == 2);
    CHECK(test::rcode_of(net.last()) == kNoError);
}

TEST_CASE("slow: a retransmission joins, and gets one reply", "[forwarder]") {
    Net net;
    net.warm_up();
    for (int i = 0; i < 3; ++i) {
        net.ask(kWww);
        net.clock.advance(kSecond);
    }
    CHECK(net.about("www") == 3);
    net.transport.answer(net.index_of("www"), kNoError, kAnswer);
    CHECK(net.sink.replies.size() == 1);
}

TEST_CASE("slow: a server that takes seconds for everything is waited for once that is known", "[forwarder]") {
    Net net;
    net.ask(named("a.example."));
    net.clock.advance(2500 * kMillisecond);  // SERVFAIL at 1.8 s: nobody knows better
    net.transport.answer(net.index_of("a"), kNxDomain, {}, kSoa);
    net.clock.advance(core::kMinute);
    net.sink.replies.clear();
    net.ask(named("b.example."));
    net.clock.advance(2500 * kMillisecond);
    net.transport.answer(net.index_of("b"), kNxDomain, {}, kSoa);
    REQUIRE(net.sink.replies.size() >= 1);
    CHECK(test::rcode_of(net.sink.replies[0]) == kServFail);
    net.sink.replies.clear();
    net.ask(named("c.example."));
    net.clock.advance(2500 * kMillisecond);
    net.transport.answer(net.index_of("c"), kNxDomain, {}, kSoa);
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(test::rcode_of(net.last()) == kNxDomain);
}

TEST_CASE("slow: lingering flights make room for new questions", "[forwarder]") {
    Bench net;
    auto plan = test::usual_plan(1);
    plan.settings.max_inflight = 16;
    net.use(plan);
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 16; ++i)
            net.ask(Query{.name = "n" + std::to_string(round * 16 + i) + ".example."});
        net.clock.advance(4001 * kMillisecond);
        CHECK(net.forwarder.inflight() == 0);
    }
    CHECK(net.sink.replies.size() == 48);
    CHECK(net.event(ResolverEvent::kOverload) == 0);
    net.clock.advance(30 * kSecond);
    CHECK(net.transport.open.empty());
    CHECK(net.clock.idle());
}

// They count towards the limit: each keeps its sockets for 10 s after its clients were told.
TEST_CASE("slow: flights that linger are limited together with the others", "[forwarder]") {
    Bench net;
    auto plan = test::usual_plan(1);
    plan.settings.max_inflight = 16;
    net.use(plan);
    for (int i = 0; i < 24; ++i) {
        net.ask(Query{.name = "n" + std::to_string(i) + ".example."});
        if (i % 8 == 7) net.clock.advance(4001 * kMillisecond);
    }
    std::set<std::string> names;
    for (const auto& e : net.transport.open)
        names.insert(reinterpret_cast<const char*>(e.query.data() + 12));  // up to the root's zero
    names.erase("");  // the small query that asks whether the server lives
    CHECK(names.size() >= 8);
    CHECK(names.size() <= 16);
    CHECK(net.event(ResolverEvent::kOverload) == 0);
}

TEST_CASE("dead beside refusing: once the dead one is known it costs nothing", "[forwarder]") {
    Net net(2);
    for (int i = 0; i < 3; ++i) {  // the first server is silent three times
        net.ask(named("a" + std::to_string(i) + ".example."));
        net.clock.advance(201 * kMillisecond);
        net.transport.answer(net.transport.open.size() - 1, kNxDomain, {}, kSoa);
    }
    net.sink.replies.clear();
    net.ask(kWww);
    net.final_error(net.index_of("www"), kRefused);
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(test::rcode_of(net.last()) == kRefused);
    // A server that may be back is given the shortest time.
    net.clock.advance(2 * kSecond);
    net.ask(named("b.example."));
    REQUIRE(net.about("\1b") == 2);
    net.final_error(net.transport.open.size() - 1, kRefused);
    CHECK(net.sink.replies.size() == 1);
    net.clock.advance(201 * kMillisecond);
    CHECK(net.sink.replies.size() == 2);
}

TEST_CASE("cookies: a server that repeats another client's gets TCP, then no cookie", "[forwarder]") {
    Net net;
    net.ask(kWww);
    CHECK_FALSE(net.transport.deliver(0, mistaken(net.transport.open[0].query)));
    CHECK(net.transport.open.size() == 1);  // if that was forged, the right one is on its way
    net.clock.advance(51 * kMillisecond);
    REQUIRE(net.transport.open.size() == 2);
    CHECK(net.transport.open[1].tcp);
    SECTION("TCP can't be forged, so the server is mistaken") {
        net.transport.deliver(1, mistaken(net.transport.open[1].query));
    }
    SECTION("no TCP") {
        net.transport.fail(1, ECONNREFUSED);
    }
    SECTION("no answer over TCP") {
        net.clock.advance(1100 * kMillisecond);
    }
    if (net.sink.replies.empty()) {
        const auto& last = net.transport.open.back();
        CHECK_FALSE(last.tcp);
        CHECK(has_opt(last.query));
        CHECK_FALSE(has_cookie(last.query));
        net.transport.answer(net.transport.open.size() - 1, kNoError, kAnswer);
    }
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(records_of(net.last()) == kAnswer);
    net.ask(named("b.example."));
    CHECK_FALSE(has_cookie(net.transport.open.back().query));
    CHECK(has_opt(net.transport.open.back().query));
    // A cookie that was not asked for is not looked at; otherwise it would be sent from then on.
    net.transport.deliver(net.index_of("\1b"), mistaken(net.transport.open.back().query));
    net.clock.advance(16 * core::kMinute);
    net.ask(named("c.example."));
    CHECK(has_cookie(net.transport.open.back().query));  // tried again
    CHECK(core::as_text(net.transport.open.back().query).find("\1\2\3\4") == std::string_view::npos);
}

TEST_CASE("extras: a box that drops cookies, or OPT, is found and remembered", "[forwarder]") {
    for (const bool drops_opt : {false, true}) {
        CAPTURE(drops_opt);
        Net net;
        const auto passes = [&](const core::Bytes& query) { return drops_opt ? !has_opt(query) : !has_cookie(query); };
        const auto ask_until_answered = [&](const std::string& name) {
            net.sink.replies.clear();
            net.ask(named(name));
            for (int t = 0; t < 180 && net.sink.replies.empty(); ++t) {
                for (std::size_t i = 0; i < net.transport.open.size(); ++i) {
                    if (!passes(net.transport.open[i].query)) continue;
                    net.transport.answer(i, kNxDomain, {}, kSoa, !drops_opt);
                    break;
                }
                if (net.sink.replies.empty()) net.clock.advance(10 * kMillisecond);
            }
            REQUIRE(net.sink.replies.size() == 1);
            CHECK(test::rcode_of(net.last()) == kNxDomain);
        };
        const Micros began = net.clock.mono_us();
        ask_until_answered("a.example.");
        CHECK(net.clock.mono_us() - began <= 700 * kMillisecond);
        const Micros second = net.clock.mono_us();
        ask_until_answered("b.example.");
        CHECK(net.clock.mono_us() == second);  // at once
        net.clock.advance(16 * core::kMinute);
        net.ask(named("c.example."));
        CHECK(has_cookie(net.transport.open.back().query));
    }
}

TEST_CASE("extras: one lost packet does not take OPT from a server that speaks it", "[forwarder]") {
    Net net;
    net.warm_up();
    net.ask(kWww);
    net.clock.advance(201 * kMillisecond);
    net.transport.answer(1, kNoError, kAnswer);  // the second attempt, which has no cookie
    net.ask(named("b.example."));
    CHECK(has_cookie(net.transport.open.back().query));
}

TEST_CASE("extras: an error reply to OPT is repeated once without", "[forwarder]") {
    for (const auto rcode : {kFormErr, kServFail, kNotImp, kRefused}) {
        CAPTURE(rcode);
        Net net;
        net.ask(kWww);
        net.transport.answer(0, rcode, {}, {}, false);
        REQUIRE(net.transport.open.size() == 1);
        CHECK_FALSE(has_opt(net.transport.open[0].query));
        net.transport.answer(0, kNoError, kAnswer, {}, false);
        CHECK(records_of(net.last()) == kAnswer);
        net.ask(named("b.example."));
        CHECK_FALSE(has_opt(net.transport.open.back().query));
    }
    Net good;  // of a server that speaks EDNS it is the answer
    good.warm_up();
    good.ask(kWww);
    good.transport.answer(0, kServFail, {});
    REQUIRE(good.sink.replies.size() == 1);
    CHECK(test::rcode_of(good.last()) == kServFail);
}

TEST_CASE("local trouble: without a free UDP port the question goes out over TCP", "[forwarder]") {
    Net net;
    net.transport.refuse_udp_with = EAGAIN;
    net.ask(kWww);
    REQUIRE(net.transport.open.size() == 1);
    CHECK(net.transport.open[0].tcp);
    net.transport.answer(0, kNoError, kAnswer);
    CHECK(records_of(net.last()) == kAnswer);
}

// The room is made by ending what stayed silent. After a cookie that may be forged the right reply may still come.
TEST_CASE("local trouble: without a free socket an attempt that may still be answered is kept", "[forwarder]") {
    Net net;
    net.ask(kWww);
    net.transport.refuse_with = EMFILE;
    net.transport.deliver(0, mistaken(net.transport.open[0].query));
    REQUIRE(net.transport.open.size() == 1);
    net.transport.answer(0, kNoError, kAnswer);
    CHECK(records_of(net.last()) == kAnswer);
}

TEST_CASE("burst: of many misses at once only a few are sent in a turn of the loop", "[forwarder]") {
    Net net;
    net.warm_up();
    const std::size_t before = net.transport.sent;
    for (std::uint16_t i = 0; i < 200; ++i)
        net.ask(named("n" + std::to_string(i) + ".example.", i).wire(), test::client_at("127.0.0.1:4000"), 64);
    CHECK(net.transport.sent == before);
    CHECK(records_of(net.ask(Query{})).size() == 2);  // a private name
    std::size_t turns = 0;
    for (std::size_t seen = before; net.transport.sent < before + 200; ++turns, seen = net.transport.sent) {
        net.clock.advance(1);
        REQUIRE(net.transport.sent > seen);
        CHECK(net.transport.sent <= seen + 16);
    }
    CHECK(turns >= 12);
    while (!net.transport.open.empty())
        net.transport.answer(0, kNxDomain, {}, kSoa);
    CHECK(net.sink.replies.size() == 200);
    net.ask(named("alone.example."));  // at once
    CHECK(net.transport.open.size() == 1);
}

TEST_CASE("patience: a slow server gets a third of the time, so that there is some for the next", "[forwarder]") {
    Net net(2);
    net.ask(named("a.example."));
    net.clock.advance(1500 * kMillisecond);  // three times this would be more than the budget
    net.transport.answer(net.index_of("\1a"), kNxDomain, {}, kSoa);
    net.ask(kWww);
    net.clock.advance(590 * kMillisecond);
    CHECK(net.about("www") == 1);
    net.clock.advance(20 * kMillisecond);
    CHECK(net.about("www") == 2);
}

TEST_CASE("recheck: its error does not start another attempt beside the regular one", "[forwarder]") {
    Net net(2);
    for (int i = 0; i < 3; ++i) {
        net.ask(named("a" + std::to_string(i) + ".example."));
        net.clock.advance(201 * kMillisecond);
        net.transport.answer(net.transport.open.size() - 1, kNxDomain, {}, kSoa);
    }
    REQUIRE(net.forwarder.upstreams()[0]->suspect());
    net.clock.advance(2 * kSecond);
    net.sink.replies.clear();
    net.ask(kWww);
    REQUIRE(net.about("www") == 2);
    net.transport.fail(net.index_of("www"), ECONNREFUSED);
    CHECK(net.about("www") == 1);
    CHECK(net.sink.replies.empty());
    net.transport.answer(net.index_of("www"), kNoError, kAnswer);
    CHECK(records_of(net.last()) == kAnswer);
}

TEST_CASE("deadline: an attempt that had hardly any time is no failure of its server", "[forwarder]") {
    Net net;
    core::UpstreamStats seen{};
    net.forwarder.upstreams()[0]->count_in(&seen);
    net.warm_up();
    net.ask(kWww);
    net.clock.advance(5400 * kMillisecond);
    net.transport.deliver(0, test::reply_to(net.transport.open[0].query, 0, {}, {}, true, 0x0200));  // TC
    REQUIRE(net.transport.open.back().tcp);
    const auto timeouts = seen.timeouts;
    net.clock.advance(200 * kMillisecond);
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(seen.timeouts == timeouts);
}

TEST_CASE("loops: the ID and the port of an own query, and nothing less", "[forwarder]") {
    Net net;
    net.ask(kWww);
    const auto own = net.transport.open[0];
    const auto port = net.transport.local_port(own.handle);
    auto other_id = own.query;
    other_id[0] = static_cast<std::uint8_t>(other_id[0] ^ 1);
    net.ask(other_id, test::client_at("127.0.0.1:" + std::to_string(port)));
    net.ask(own.query, test::client_at("127.0.0.1:" + std::to_string(port + 1)));
    CHECK(net.event(ResolverEvent::kLoopDetected) == 0);
    net.ask(own.query, test::client_at("127.0.0.1:" + std::to_string(port)));
    CHECK(net.event(ResolverEvent::kLoopDetected) == 1);
}

TEST_CASE("local trouble: a query that finds out whether a server lives does not end what it needs", "[forwarder]") {
    Net net;
    net.ask(kWww);
    net.clock.advance(500 * kMillisecond);
    net.transport.refuse_with = EMFILE;
    net.clock.advance(200 * kMillisecond);
    net.transport.refuse_with = 0;
    net.clock.advance(1200 * kMillisecond);
    REQUIRE(net.sink.replies.size() == 1);
    net.clock.advance(30 * kSecond);
    CHECK(net.transport.open.empty());
    CHECK(net.clock.idle());
    // A client's own question for the root is no such query.
    net.ask(Query{.name = ".", .type = 2});
    CHECK(net.transport.open.size() == 1);
}
