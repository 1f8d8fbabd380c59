// SPDX-License-Identifier: Apache-2.0
// Trouble and its limits: a slow, odd or forging server, a client with many queries, a change of servers at a bad
// moment. On a fake clock.
#include <cerrno>

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
using Lines = std::vector<std::string>;

namespace {

const Lines kOther{"www.example. 60 IN A 192.0.2.81"};
constexpr std::uint16_t kServFail = 2, kNxDomain = 3, kNotImp = 4, kRefused = 5, kFormErr = 1;

Query named(const std::string& name) {
    Query q = kWww;
    q.name = name;
    return q;
}

core::PlanSettings with_inflight(std::uint64_t n) {
    core::PlanSettings s;
    s.max_inflight = n;
    return s;
}

struct Net : Bench {
    explicit Net(int servers = 1, core::PlanSettings settings = {}) {
        auto plan = test::usual_plan(servers);
        plan.settings = settings;
        plan.allow.push_back(*core::IpPrefix::parse("192.0.2.0/24"));
        use(plan);
        resolver::CacheSettings c;
        c.bytes = settings.cache_bytes;
        c.serve_stale_us = core::kHour;
        cache.configure(c);
    }
    /// As in Server.
    void change_upstream() {
        auto plan = test::usual_plan(0);
        plan.upstreams.push_back({77, *core::SocketAddress::parse("198.51.100.7", 53)});
        cache.expire_all(clock.mono_us());
        use(plan);
    }
    void learn(const Lines& answer = kAnswer) {
        ask(kWww);
        transport.answer(0, 0, answer);
    }
    void learn_and_outlive() {
        learn();
        clock.advance(61 * kSecond);
        sink.replies.clear();
    }
    /// Answers the open exchanges with this server until there is none.
    void answer_all(const std::string& server, const Lines& answers) {
        for (std::size_t i = 0; i < transport.open.size();) {
            if (transport.open[i].server.ip.text() == server) {
                transport.answer(i, 0, answers);
                i = 0;
            } else {
                ++i;
            }
        }
    }
};

bool asks_for_dnssec(core::ByteView query) {
    const auto packet = test::parse(query);
    return packet && ldns_pkt_edns_do(packet.get());
}

}  // namespace

TEST_CASE("trouble: a server that was slow and then fails does not delay the next one too long", "[forwarder]") {
    for (const std::uint64_t budget_ms : {1800u, 4000u}) {
        core::PlanSettings settings;
        settings.upstream_budget_ms = budget_ms;
        Net net(2, settings);
        net.ask(kWww);
        net.clock.advance(1500 * kMillisecond);
        net.answer_all("192.0.2.1", kAnswer);
        net.transport.open.clear();
        for (int i = 0; i < 20; ++i) {
            net.sink.replies.clear();
            net.ask(named("q" + std::to_string(i) + ".example."));
            for (int t = 0; t < 500 && net.sink.replies.empty(); ++t) {
                net.clock.advance(10 * kMillisecond);
                net.answer_all("192.0.2.2", {});
            }
            REQUIRE(net.sink.replies.size() == 1);
            CHECK(test::rcode_of(net.last()) == 0);
        }
        CHECK(net.forwarder.upstreams()[0]->suspect());
    }
}

TEST_CASE("trouble: the failure of a question without RD does not affect those with RD", "[forwarder][cache]") {
    Query plain = kWww;
    plain.flags = 0;
    Net net;
    net.ask(plain);
    net.final_error(0, kRefused);
    CHECK(test::rcode_of(net.last()) == kRefused);
    CHECK(net.ask(kWww).empty());  // not from a remembered failure
    CHECK(net.transport.open.size() == 1);

    Net stale;
    stale.learn_and_outlive();
    stale.ask(plain);
    stale.final_error(0, kRefused);
    CHECK(stale.ask(kWww).empty());
    CHECK(stale.transport.open.size() == 1);

    Net hot;  // and it starts no prefetch, which could not be kept
    hot.learn();
    hot.ask(kWww);
    hot.ask(kWww);
    hot.clock.advance(55 * kSecond);
    hot.ask(plain);
    CHECK(hot.transport.open.empty());
    hot.ask(kWww);
    CHECK(hot.transport.open.size() == 1);
}

TEST_CASE("trouble: one FORMERR does not disable EDNS for other questions", "[forwarder]") {
    Query signed_one = kWww;
    signed_one.dnssec_ok = true;
    for (const auto& [rcode, opt] : {std::pair{kFormErr, true}, {kFormErr, false}, {kNotImp, false}}) {
        Net net;
        net.ask(named("odd.example."));
        net.transport.answer(0, rcode, {}, {}, opt);
        REQUIRE(net.transport.open.size() == 1);  // once more, without
        net.transport.answer(0, rcode, {}, {}, false);
        CHECK(net.transport.open.empty());
        net.ask(signed_one);
        CHECK(asks_for_dnssec(net.transport.open.at(0).query));
    }
    Net old;  // but a server that answers without is remembered
    old.ask(named("odd.example."));
    old.transport.answer(0, kFormErr, {}, {}, false);
    old.transport.answer(0, 0, {"odd.example. 60 IN A 192.0.2.1"}, {}, false);
    old.ask(signed_one);
    CHECK(core::load_be16(old.transport.open.at(0).query.data() + 10) == 0);
}

TEST_CASE("trouble: an answer of the previous servers is not cached", "[forwarder][cache]") {
    Net net;
    net.ask(kWww);
    net.change_upstream();
    net.clock.advance(10 * kMillisecond);
    net.transport.answer(0, 0, {"www.example. 86400 IN A 192.0.2.80"});
    CHECK(net.sink.replies.size() == 1);  // its waiters have been answered
    CHECK(net.ask(kWww).empty());
    CHECK(net.transport.open.at(0).server.ip.text() == "198.51.100.7");
}

TEST_CASE("trouble: new servers are asked at once after failures of the previous ones", "[cache]") {
    Net net;
    net.learn_and_outlive();
    net.ask(kWww);
    net.transport.fail(0, ECONNREFUSED);
    CHECK(test::ede_of(net.last()) == 3);
    net.change_upstream();
    net.clock.advance(kSecond);
    CHECK(net.ask(kWww).empty());
    REQUIRE(net.transport.open.size() == 1);
    net.transport.fail(0, ECONNREFUSED);
    net.clock.advance(kSecond);
    CHECK(test::ede_of(net.ask(kWww)) == 3);  // and then not again for a while
    CHECK(net.transport.open.empty());
}

TEST_CASE("trouble: a newer answer that is not cacheable removes the older one", "[cache]") {
    const auto after = [](std::uint16_t rcode, const Lines& answers) {
        Net net;
        net.learn_and_outlive();
        net.ask(kWww);
        net.transport.answer(0, rcode, answers);
        net.clock.advance(kSecond);
        net.sink.replies.clear();
        const auto at_once = net.ask(kWww);
        if (!at_once.empty()) return test::rcode_of(at_once);
        net.transport.fail(0, ECONNREFUSED);
        return test::rcode_of(net.last());
    };
    CHECK(after(0, {"www.example. 0 IN A 203.0.113.99"}) == kServFail);
    CHECK(after(kNxDomain, {}) == kServFail);  // without SOA
    CHECK(after(kServFail, {}) == 0);          // NOERROR: the stale data

    Net late;  // also after the client got stale data
    late.learn_and_outlive();
    late.ask(kWww);
    late.clock.advance(1900 * kMillisecond);
    CHECK(test::ede_of(late.last()) == 3);
    late.transport.answer(0, kNxDomain, {});
    CHECK(late.ask(kWww).empty());
    CHECK(late.about("www") == 1);
}

TEST_CASE("trouble: an NXDOMAIN with the SOA of a foreign zone is not kept", "[cache]") {
    Net net;
    net.ask(kWww);
    net.transport.answer(0, kNxDomain, {}, {"attacker.test. 86400 IN SOA a.test. b.test. 1 2 3 4 86400"});
    CHECK(test::rcode_of(net.last()) == kNxDomain);
    CHECK(net.ask(kWww).empty());
    Net chain;  // the SOA of the zone that the chain leads to
    chain.ask(kWww);
    chain.transport.answer(0, kNxDomain, {"www.example. 60 IN CNAME gone.elsewhere."},
                           {"elsewhere. 300 IN SOA ns.elsewhere. root.elsewhere. 1 2 3 4 120"});
    CHECK_FALSE(chain.ask(kWww).empty());
}

TEST_CASE("trouble: a record of another class is not kept", "[cache]") {
    Net net;
    net.ask(kWww);
    net.transport.answer(0, 0, {"www.example. 60 CH TXT \"x\""});
    CHECK(net.ask(kWww).empty());
}

TEST_CASE("trouble: with trust_ad only clients that set AD or DO get AD", "[forwarder][cache]") {
    constexpr std::uint16_t kAdBit = 0x20;
    core::PlanSettings trusting;
    trusting.trust_ad = 1;
    for (const auto& [flags, dnssec_ok, expected] :
         {std::tuple{0x0100, false, false}, {0x0120, false, true}, {0x0100, true, true}}) {
        Net net(1, trusting);
        Query q = kWww;
        q.flags = static_cast<std::uint16_t>(flags);
        q.dnssec_ok = dnssec_ok;
        net.ask(q);
        net.transport.deliver(0, test::reply_to(net.transport.open[0].query, 0, kAnswer, {}, true, 0x0120));
        CHECK(((test::flags_of(net.last()) & kAdBit) != 0) == expected);
        CHECK(((test::flags_of(net.ask(q)) & kAdBit) != 0) == expected);
    }
}

TEST_CASE("trouble: a client that repeats one question does not displace others", "[forwarder]") {
    Net net(1, with_inflight(16));
    net.ask(kWww, test::client_at("192.0.2.5:4000"));
    const Query noise = named("noise.example.");
    for (int i = 0; i < 500; ++i)
        net.ask(noise, test::client_at("192.0.2.66:" + std::to_string(5000 + i)));
    CHECK(net.event(ResolverEvent::kOverload) > 0);
    for (const auto& reply : net.sink.replies)
        CHECK(core::as_text(reply).find("noise") != std::string_view::npos);
    CHECK(net.ask(kWww, test::client_at("192.0.2.7:4000")).empty());  // still accepted
    net.sink.replies.clear();
    net.answer_all("192.0.2.1", kAnswer);
    const auto answered = std::count_if(net.sink.replies.begin(), net.sink.replies.end(), [](auto& r) {
        return core::as_text(r).find("noise") == std::string_view::npos && test::rcode_of(r) == 0;
    });
    CHECK(answered == 2);
}

TEST_CASE("trouble: overload serves stale data if there is some", "[forwarder][cache]") {
    Net net(1, with_inflight(16));
    net.learn_and_outlive();
    net.ask(kWww);
    for (int i = 0; i < 16; ++i)
        net.ask(named("r" + std::to_string(i) + ".example."));
    REQUIRE(net.sink.replies.size() == 1);
    CHECK(records_of(net.last()) == Lines{"www.example. 30 IN A 192.0.2.80"});
    CHECK(test::ede_of(net.last()) == 3);
}

TEST_CASE("trouble: being out of ports is no failure of the server", "[forwarder]") {
    for (const int error : {EAGAIN, EADDRNOTAVAIL, EMFILE}) {
        Net net;
        net.transport.refuse_with = error;
        for (int i = 0; i < 4; ++i)
            net.ask(named("e" + std::to_string(i) + ".example."));
        CHECK_FALSE(net.forwarder.upstreams()[0]->suspect());
    }
}

TEST_CASE("trouble: a question has at most three sockets with each silent server", "[forwarder]") {
    Net net(2);
    net.ask(kWww);
    std::size_t most = 0;
    for (int t = 0; t < 390; ++t) {
        net.clock.advance(10 * kMillisecond);
        most = std::max(most, net.about("www"));
    }
    CHECK(most == 6);
}

TEST_CASE("trouble: clients on the host of the upstream are clients like others", "[forwarder]") {
    Net net;
    net.ask(kWww, test::client_at("192.0.2.9:4000"));
    CHECK(net.ask(kWww, test::client_at("192.0.2.1:33333")).empty());
    CHECK(net.ask(kWww, test::client_at("192.0.2.1:33334")).empty());
    CHECK(net.event(ResolverEvent::kLoopDetected) == 0);
    net.transport.answer(0, 0, kAnswer);
    CHECK(net.sink.replies.size() == 3);
}

TEST_CASE("trouble: a name that becomes private during its flight is answered from the plan", "[forwarder]") {
    Net net;
    net.ask(named("new.example."));
    auto plan = test::usual_plan(1);
    plan.owners.push_back(test::owner_of("new.example.", {"10.0.0.7"}, {"10.0.0.7"}, 2000 * kSecond));
    net.use(plan);
    net.transport.answer(0, kNxDomain, {}, kSoa);
    CHECK(records_of(net.last()) == Lines{"new.example. 10 IN A 10.0.0.7"});
    CHECK(test::ede_of(net.last()) == -1);
}

// The statistics of a server count its SERVFAILs, legible or not.
TEST_CASE("trouble: a malformed error reply counts with its code", "[forwarder]") {
    Net net;
    net.ask(kWww);
    for (int i = 0; i < 2; ++i) {  // with and without OPT
        auto message = test::reply_to(net.transport.open.at(0).query, kServFail, {}, {}, false);
        core::store_be16(message.data() + 6, 1);  // an answer that is not there
        net.transport.deliver(0, message);
    }
    CHECK(net.stats.upstreams[0].servfail == 2);
    CHECK(net.transport.open.empty());
}

TEST_CASE("trouble: long chains of pointers are cheap", "[wire]") {
    const auto wire = kWww.wire();
    resolver::QueryView view;
    REQUIRE(resolver::QueryView::parse(wire, &view) == resolver::Parsed::kOk);
    core::Bytes r(wire.begin(), wire.begin() + 12 + static_cast<std::ptrdiff_t>(view.question.size()));
    const auto put16 = [&](std::size_t x) {
        r.push_back(static_cast<std::uint8_t>(x >> 8));
        r.push_back(static_cast<std::uint8_t>(x));
    };
    r[2] |= 0x80;
    r[11] = 0;
    constexpr std::size_t kHops = 200;
    std::size_t previous = 12;
    for (const std::size_t x : {0xc00c, 16, 1, 0, 60})
        put16(x);
    put16(2 * kHops);
    for (std::size_t i = 0; i < kHops; ++i) {
        const std::size_t at = r.size();
        put16(0xc000 | previous);
        previous = at;
    }
    for (const std::size_t x : {std::size_t{0xc000} | previous, std::size_t{16}, std::size_t{1}, std::size_t{0},
                                std::size_t{60}, std::size_t{0}})
        put16(x);
    r[7] = 2;
    resolver::ReplyView reply;
    core::Bytes scratch;
    CHECK_FALSE(reply.parse(r, view.question.size(),
                            &scratch));  // a name has at most 127 labels, and as many pointers
}
