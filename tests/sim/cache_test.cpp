// SPDX-License-Identifier: Apache-2.0
// The cache, seen through the handler: TTLs, negative answers, stale data, failures, prefetch, memory.
#include <cerrno>
#include <set>

#include "tests/unit/catch.h"
#include "tests/unit/resolver/handler_kit.h"

using namespace postern;
using core::kMillisecond;
using core::kSecond;
using test::Bench;
using test::kAnswer;
using test::kSoa;
using test::kWww;
using test::Query;
using test::records_of;
using Lines = std::vector<std::string>;

namespace {

struct Net : Bench {
    explicit Net(core::PlanSettings settings = {}) {
        auto plan = test::usual_plan(1);
        plan.settings = settings;
        use(plan);
        resolver::CacheSettings c;
        c.bytes = settings.cache_bytes;
        c.serve_stale_us = static_cast<core::Micros>(settings.serve_stale_s) * kSecond;
        cache.configure(c);
    }
    /// Asks, answers as the upstream, and returns the reply.
    core::Bytes resolve(const Query& q, std::uint16_t rcode, const Lines& answers, const Lines& authorities = {}) {
        ask(q);
        transport.answer(transport.open.size() - 1, rcode, answers, authorities);
        return last();
    }
    bool cached(const Query& q) {
        const auto before = transport.sent;
        const bool hit = !ask(q).empty() && transport.sent == before;
        while (!transport.open.empty())
            transport.fail(0, ECONNREFUSED);
        return hit;
    }
};

}  // namespace

TEST_CASE("cache: a hit has the remaining TTL and the client's case and ID, and asks no upstream", "[cache]") {
    Net net;
    net.resolve(kWww, 0, kAnswer);
    net.clock.advance(17 * kSecond);
    Query again = kWww;
    again.name = "wWw.example.";
    again.id = 77;
    again.edns_size = -1;
    const auto reply = net.ask(again);
    CHECK(core::load_be16(reply.data()) == 77);
    CHECK(core::as_text(reply).find("wWw") != std::string_view::npos);
    CHECK(records_of(reply).at(0).find(" 43 IN A") != std::string::npos);
    CHECK(net.transport.sent == 1);
    CHECK(net.stats.cache_hits == 1);
    net.clock.advance(43 * kSecond);
    CHECK(net.ask(kWww).empty());
}

TEST_CASE("cache: DO, CD and AD make entries of their own; RD=0 is answered from it but never fills it", "[cache]") {
    Net net;
    net.resolve(kWww, 0, kAnswer);
    Query q = kWww;
    q.dnssec_ok = true;
    CHECK_FALSE(net.cached(q));
    q = kWww;
    q.flags = 0x0110;
    CHECK_FALSE(net.cached(q));
    q = kWww;
    q.flags = 0;
    CHECK(net.cached(q));
    q.name = "other.example.";
    net.resolve(q, 0, {"other.example. 60 IN A 192.0.2.81"});
    CHECK_FALSE(net.cached(q));
}

TEST_CASE("cache: negative answers are kept for the lesser of SOA TTL and minimum, and need a SOA", "[cache]") {
    Net net;
    const Query nx{.name = "nx.example.", .edns_size = 1232};
    net.resolve(nx, 3, {}, kSoa);
    net.clock.advance(119 * kSecond);
    const auto reply = net.ask(nx);
    CHECK(test::rcode_of(reply) == 3);
    CHECK(records_of(reply, LDNS_SECTION_AUTHORITY).at(0).find("example. 1 IN SOA") == 0);
    const Query nodata{.name = "nd.example.", .type = 28};
    net.resolve(nodata, 0, {}, kSoa);
    CHECK(net.cached(nodata));
    const Query bare{.name = "bare.example."};
    net.resolve(bare, 3, {});
    CHECK_FALSE(net.cached(bare));
    // Denying the whole subtree (RFC 8020) is for validating resolvers.
    CHECK_FALSE(net.cached(Query{.name = "sub.nx.example."}));
}

TEST_CASE("cache: TTL 0, referrals and answers with foreign records are not kept", "[cache]") {
    Net net;
    net.resolve(kWww, 0, {"www.example. 0 IN A 192.0.2.80"});
    CHECK_FALSE(net.cached(kWww));
    net.clock.advance(10 * kSecond);
    net.resolve(kWww, 0, {}, {"example. 60 IN NS ns.example."});
    CHECK_FALSE(net.cached(kWww));
    net.clock.advance(10 * kSecond);
    net.resolve(kWww, 0, {"evil.example. 60 IN A 203.0.113.66"});
    CHECK_FALSE(net.cached(kWww));
    net.clock.advance(10 * kSecond);
    net.resolve(kWww, 0, {"b.example. 60 IN A 192.0.2.1", "www.example. 90 IN CNAME b.example."});
    CHECK(net.cached(kWww));  // a chain in any order
}

TEST_CASE("cache: a TTL with its highest bit set is 0", "[cache]") {
    // RFC 2181 8. Taken as a number it would keep the answer for a day.
    for (const char* ttl : {"2147483648", "2147483708", "4294967295"}) {
        Net net;
        net.resolve(kWww, 0, {std::string("www.example. ") + ttl + " IN A 192.0.2.80"});
        CHECK_FALSE(net.cached(kWww));
        net.clock.advance(10 * kSecond);
        const Query nx{.name = "nx.example."};
        net.resolve(nx, 3, {}, {std::string("example. ") + ttl + " IN SOA ns.example. root.example. 1 2 3 4 120"});
        CHECK_FALSE(net.cached(nx));
    }
    Net net;
    net.resolve(kWww, 0, {"www.example. 2147483647 IN A 192.0.2.80"});
    CHECK(net.cached(kWww));
}

TEST_CASE("cache: data beside an answer that expires before it is left out of the entry", "[cache]") {
    // Some load balancers give their name servers a TTL of 0. The answer's own TTL counts.
    Net net;
    const Lines a{"www.example. 60 IN A 192.0.2.80"}, ns{"example. 90 IN NS ns.example."};
    const auto resolve = [&](const Query& q, const Lines& authority, const Lines& additional) {
        net.ask(q);
        auto message = test::reply_to(net.transport.open.at(0).query, 0, a, authority, false);
        const auto wire = test::wire_records(additional);
        message.insert(message.end(), wire.begin(), wire.end());
        core::store_be16(message.data() + 10, static_cast<std::uint16_t>(additional.size()));
        net.transport.deliver(0, message);
        const auto fresh = net.last();
        CHECK(records_of(fresh, LDNS_SECTION_AUTHORITY).size() == authority.size());
        net.clock.advance(20 * kSecond);
        const auto cached = net.ask(q);
        REQUIRE_FALSE(cached.empty());
        CHECK(records_of(cached) == Lines{"www.example. 40 IN A 192.0.2.80"});
        net.clock.advance(40 * kSecond);
        CHECK(net.ask(q).empty());
        net.transport.fail(0, ECONNREFUSED);
        net.clock.advance(2 * core::kHour);
        return cached;
    };
    const Query q{.name = "www.example."};
    auto cached = resolve(q, ns, {"ns.example. 0 IN A 192.0.2.53"});
    CHECK(records_of(cached, LDNS_SECTION_AUTHORITY) == Lines{"example. 70 IN NS ns.example."});
    CHECK(records_of(cached, LDNS_SECTION_ADDITIONAL).empty());
    cached = resolve(q, ns, {"ns.example. 90 IN A 192.0.2.53", "ns2.example. 30 IN A 192.0.2.54"});
    CHECK(records_of(cached, LDNS_SECTION_AUTHORITY).size() == 1);
    CHECK(records_of(cached, LDNS_SECTION_ADDITIONAL).empty());
    cached = resolve(q, {"example. 0 IN NS ns.example."}, {"ns.example. 90 IN A 192.0.2.53"});
    CHECK(records_of(cached, LDNS_SECTION_AUTHORITY).empty());
    CHECK(records_of(cached, LDNS_SECTION_ADDITIONAL).empty());
    cached = resolve(q, ns, {"ns.example. 60 IN A 192.0.2.53"});
    CHECK(records_of(cached, LDNS_SECTION_ADDITIONAL) == Lines{"ns.example. 40 IN A 192.0.2.53"});
}

TEST_CASE("cache: the proofs of an answer, and of a negative one, expire with it", "[cache]") {
    Net net;
    const Query signed_query{.name = "www.example.", .edns_size = 1232, .dnssec_ok = true};
    net.resolve(signed_query, 0, kAnswer, {"a.example. 20 IN NSEC z.example. A"});
    net.clock.advance(19 * kSecond);
    CHECK(records_of(net.ask(signed_query), LDNS_SECTION_AUTHORITY).size() == 1);
    net.clock.advance(kSecond);
    CHECK(net.ask(signed_query).empty());
    net.transport.fail(0, ECONNREFUSED);
    const Query nx{.name = "nx.example."};
    net.resolve(nx, 3, {}, {kSoa[0], "a.example. 20 IN NSEC z.example. A"});
    net.clock.advance(19 * kSecond);
    CHECK(records_of(net.ask(nx), LDNS_SECTION_AUTHORITY).size() == 2);
    net.clock.advance(kSecond);
    CHECK(net.ask(nx).empty());
}

TEST_CASE("serve-stale: with a refusing upstream the old answer comes at once, TTL 30 and EDE 3", "[cache]") {
    Net net;
    net.resolve(kWww, 0, kAnswer);
    net.clock.advance(100 * kSecond);
    net.ask(kWww);
    net.transport.fail(0, ECONNREFUSED);
    CHECK(records_of(net.last()) == Lines{"www.example. 30 IN A 192.0.2.80"});
    CHECK(test::ede_of(net.last()) == 3);
    // For the next 30 s nobody waits for the upstream again.
    const auto sent = net.transport.sent;
    CHECK(test::ede_of(net.ask(kWww)) == 3);
    CHECK(net.transport.sent == sent);
    net.clock.advance(31 * kSecond);
    CHECK(net.ask(kWww).empty());
    net.transport.answer(0, 0, kAnswer);
    CHECK(test::ede_of(net.last()) == -1);
}

TEST_CASE("serve-stale: with a silent upstream it comes after 1.8 s, and the refresh goes on", "[cache]") {
    Net net;
    net.resolve(kWww, 0, kAnswer);
    const Query nx{.name = "nx.example.", .edns_size = 1232};
    net.resolve(nx, 3, {}, kSoa);
    net.clock.advance(400 * kSecond);
    net.ask(kWww);
    net.ask(nx);
    const auto replies = net.sink.replies.size();
    net.clock.advance(1799 * kMillisecond);
    CHECK(net.sink.replies.size() == replies);
    net.clock.advance(2 * kMillisecond);
    REQUIRE(net.sink.replies.size() == replies + 2);
    std::set<int> codes{test::ede_of(net.sink.replies[replies]), test::ede_of(net.sink.replies[replies + 1])};
    CHECK(codes == std::set<int>{3, 19});
    CHECK(net.forwarder.inflight() == 2);
    CHECK(test::ede_of(net.ask(kWww)) == 3);  // at once during the refresh
    for (std::size_t i = 0; i < net.transport.open.size(); ++i) {
        const auto& e = net.transport.open[i];
        if (core::as_text(e.query).find("www") == std::string_view::npos) continue;
        net.transport.answer(i, 0, {"www.example. 60 IN A 192.0.2.99"});
        break;
    }
    CHECK(records_of(net.ask(kWww)) == Lines{"www.example. 60 IN A 192.0.2.99"});
}

TEST_CASE("serve-stale: also after SERVFAIL, and not after the stale time", "[cache]") {
    Net net;
    net.resolve(kWww, 0, kAnswer);
    net.clock.advance(100 * kSecond);
    CHECK(test::ede_of(net.resolve(kWww, 2, {})) == 3);
    net.clock.advance(core::kHour);
    CHECK(test::rcode_of(net.resolve(kWww, 2, {})) == 2);
    core::PlanSettings off;
    off.serve_stale_s = 0;
    Net second(off);
    second.resolve(kWww, 0, kAnswer);
    second.clock.advance(100 * kSecond);
    CHECK(test::rcode_of(second.resolve(kWww, 2, {})) == 2);
}

TEST_CASE("failures are remembered 1 s, then 2, then up to 5, with EDE 13, and never served stale", "[cache]") {
    Net net;
    const auto fails = [&] {
        net.ask(kWww);
        REQUIRE(net.transport.open.size() == 1);
        net.transport.fail(0, ECONNREFUSED);
    };
    for (const int seconds : {1, 2, 4, 5, 5}) {
        fails();
        CAPTURE(seconds);
        net.clock.advance(seconds * kSecond - 1000);
        const auto reply = net.ask(kWww);
        REQUIRE_FALSE(reply.empty());
        CHECK(test::rcode_of(reply) == 2);
        CHECK(test::ede_of(reply) == 13);
        net.clock.advance(2000);
    }
    net.resolve(kWww, 0, kAnswer);
    CHECK(net.cached(kWww));
}

TEST_CASE("prefetch: a hot name is refreshed in the last tenth of its TTL, once, without a waiting client", "[cache]") {
    Net net;
    net.resolve(kWww, 0, kAnswer);
    for (int i = 0; i < 3; ++i)
        net.ask(kWww);
    net.clock.advance(50 * kSecond);
    net.ask(kWww);
    CHECK(net.transport.sent == 1);
    net.clock.advance(5 * kSecond);
    CHECK_FALSE(net.ask(kWww).empty());
    CHECK_FALSE(net.ask(kWww).empty());
    REQUIRE(net.transport.sent == 2);
    const auto replies = net.sink.replies.size();
    net.transport.answer(0, 0, {"www.example. 60 IN A 192.0.2.81"});
    CHECK(net.sink.replies.size() == replies);
    net.clock.advance(30 * kSecond);
    CHECK(records_of(net.ask(kWww)) == Lines{"www.example. 30 IN A 192.0.2.81"});
}

TEST_CASE("prefetch: a name that is asked once is not refreshed; it would keep the whole cache on the wire",
          "[cache]") {
    Net net;
    net.resolve(kWww, 0, kAnswer);
    net.clock.advance(55 * kSecond);
    CHECK_FALSE(net.ask(kWww).empty());  // the first hit
    CHECK(net.transport.sent == 1);
    CHECK_FALSE(net.ask(kWww).empty());
    CHECK(net.transport.sent == 2);
}

TEST_CASE("prefetch: not before the last tenth of the TTL", "[cache]") {
    // At half of it each hot name would cost the upstreams twice as many queries.
    Net net;
    net.resolve(kWww, 0, {"www.example. 1000 IN A 192.0.2.80"});
    for (const int seconds : {0, 400, 101, 250, 148}) {  // the last at 899 s
        net.clock.advance(seconds * kSecond);
        CHECK_FALSE(net.ask(kWww).empty());
        CHECK(net.transport.sent == 1);
    }
    net.clock.advance(kSecond);
    CHECK_FALSE(net.ask(kWww).empty());
    CHECK(net.transport.sent == 2);
}

// Nobody waits for a prefetch. The first client that does has the old answer within 1.8 s like any other.
TEST_CASE("serve-stale: a client that joins a prefetch at a silent upstream is not kept waiting by it", "[cache]") {
    Net net;
    net.resolve(kWww, 0, kAnswer);
    net.ask(kWww);
    net.clock.advance(59 * kSecond);
    net.ask(kWww);
    REQUIRE(net.transport.sent == 2);  // the prefetch
    net.clock.advance(1500 * kMillisecond);
    const auto replies = net.sink.replies.size();
    CHECK(net.ask(kWww).empty());
    net.clock.advance(1799 * kMillisecond);
    CHECK(net.sink.replies.size() == replies);
    net.clock.advance(2 * kMillisecond);
    REQUIRE(net.sink.replies.size() == replies + 1);
    CHECK(test::ede_of(net.last()) == 3);
    CHECK(records_of(net.last()) == Lines{"www.example. 30 IN A 192.0.2.80"});
}

// An entry is taken out of the middle of the order when it is refreshed. Those before and behind it must stay reachable:
// what is lost there is never evicted, and its memory never used again.
TEST_CASE("cache: after refreshes in any order every entry can still be evicted", "[cache]") {
    core::PlanSettings settings;
    settings.cache_bytes = 256 * 1024;
    Net net(settings);
    const auto name = [](int i) { return "n" + std::to_string(i) + ".example."; };
    const auto resolve = [&](int i) { net.resolve({.name = name(i)}, 0, {name(i) + " 60 IN A 192.0.2.80"}); };
    for (int i = 0; i < 10; ++i)
        resolve(i);
    net.clock.advance(61 * kSecond);
    for (const int i : {5, 0, 9, 4, 6})
        resolve(i);
    CHECK(net.stats.cache_entries == 10);
    for (int i = 100; i < 3000; ++i)
        resolve(i);
    CHECK(net.stats.cache_evictions > 10);
    resolver::CacheSettings none;
    none.bytes = 0;
    net.cache.configure(none);
    CHECK(net.stats.cache_entries == 0);
}

TEST_CASE("failures: an overload is not one of the upstreams, and is not remembered", "[cache]") {
    // A name whose flight had to end for others can be asked again at once.
    core::PlanSettings settings;
    settings.max_inflight = 16;
    Net net(settings);
    for (int i = 0; i <= 16; ++i)
        net.ask(Query{.name = "n" + std::to_string(i) + ".example.", .edns_size = 1232});
    REQUIRE(net.sink.replies.size() == 1);  // of the oldest
    REQUIRE(test::rcode_of(net.last()) == 2);
    REQUIRE(test::ede_of(net.last()) == 0);
    while (net.transport.open.size() > 1)
        net.transport.answer(0, 3, {}, kSoa);
    const auto sent = net.transport.sent;
    CHECK(net.ask(Query{.name = "n0.example."}).empty());
    CHECK(net.transport.sent == sent + 1);
}

TEST_CASE("serve-stale: an overload does not postpone the next attempt to refresh", "[cache]") {
    core::PlanSettings settings;
    settings.max_inflight = 16;
    Net net(settings);
    net.resolve(kWww, 0, kAnswer);
    net.clock.advance(100 * kSecond);
    net.ask(kWww);
    for (int i = 0; i < 16; ++i)
        net.ask(Query{.name = "n" + std::to_string(i) + ".example."});
    REQUIRE(test::ede_of(net.last()) == 3);  // its flight was the oldest
    const auto sent = net.transport.sent;
    CHECK(net.ask(kWww).empty());
    CHECK(net.transport.sent == sent + 1);
}

TEST_CASE("cache: a change of upstreams makes everything stale", "[cache]") {
    Net net;
    net.resolve(kWww, 0, kAnswer);
    net.clock.advance(kSecond);
    net.cache.expire_all(net.clock.mono_us());
    net.ask(kWww);
    REQUIRE(net.transport.open.size() == 1);
    net.transport.fail(0, ECONNREFUSED);
    CHECK(test::ede_of(net.last()) == 3);
}

TEST_CASE("cache: the size is limited, and entries with many hits stay", "[cache]") {
    core::PlanSettings settings;
    settings.cache_bytes = 256 * 1024;
    Net net(settings);
    const Query hot{.name = "hot.example.", .edns_size = 1232};
    net.resolve(hot, 0, {"hot.example. 3600 IN A 192.0.2.1"});
    for (int i = 0; i < 20000; ++i) {
        const std::string name = "n" + std::to_string(i) + ".example.";
        net.resolve(Query{.name = name}, 0, {name + " 3600 IN A 192.0.2.2", name + " 3600 IN A 192.0.2.3"});
        REQUIRE(net.cache.bytes() <= settings.cache_bytes);
        if (i % 50 == 0) REQUIRE_FALSE(net.ask(hot).empty());
        net.sink.replies.clear();
    }
    CHECK(net.cache.entries() > 500);
    CHECK(net.stats.cache_evictions > 15000);
    CHECK(net.cache.entries() == net.stats.cache_entries);
    CHECK(net.cache.bytes() / net.cache.entries() < 260);  // 16 bytes of name, two addresses, and all overhead
    core::PlanSettings none;
    none.cache_bytes = 0;
    Net without(none);
    without.resolve(kWww, 0, kAnswer);
    CHECK_FALSE(without.cached(kWww));
}

TEST_CASE("cache: the hand clears the marks that it passes, so that entries go in order without further hits",
          "[cache]") {
    // Otherwise every name that was asked twice stays, and the cache holds what nobody asks for any more.
    core::PlanSettings settings;
    settings.cache_bytes = 64 * 1024;
    Net net(settings);
    const auto name = [](std::size_t i) { return "n" + std::to_string(i) + ".example."; };
    std::size_t n = 0;
    const auto add = [&] {
        Lines records;
        for (int i = 1; i <= 10; ++i)
            records.push_back(name(n) + " 86400 IN A 192.0.2." + std::to_string(i));
        net.resolve(Query{.name = name(n++)}, 0, records);
    };
    for (add(); net.stats.cache_evictions == 0; add())
        REQUIRE_FALSE(net.ask(Query{.name = name(n - 1)}).empty());  // marked
    const auto has = [&](std::size_t i) {
        const auto wire = test::wire_name(name(i));
        const auto key = resolver::CacheKey::of(wire, 1, 1, 0x0100, false);
        return net.cache.find(key, net.clock.mono_us()).state == resolver::Cache::State::kFresh;
    };
    const auto first = net.cache.entries();
    REQUIRE(first < 256);  // so that the hand may go round once
    CHECK_FALSE(has(0));
    CHECK(has(5));  // marked again
    while (net.stats.cache_evictions < 10)
        add();
    for (std::size_t i = 0; i < n; ++i) {
        CAPTURE(i, n);
        CHECK(has(i) == (i == 5 || i > 10));
    }
}

TEST_CASE("a day of a host: random names, servers that fail and recover, and every question is answered", "[cache]") {
    for (const std::uint64_t seed : {11, 12, 13}) {
        CAPTURE(seed);
        Bench net(seed);
        auto plan = test::usual_plan(3);
        plan.settings.cache_bytes = 128 * 1024;
        net.use(plan);
        resolver::CacheSettings small;
        small.bytes = plan.settings.cache_bytes;
        net.cache.configure(small);
        core::SeededRandom dice(seed);
        std::size_t asked = 0, answered = 0;
        for (int step = 0; step < 20000; ++step) {
            const std::string name = "n" + std::to_string(dice.below(300)) + ".example.";
            const auto reply = net.ask(Query{.name = name, .edns_size = dice.below(2) ? 1232 : -1},
                                       test::client_at("127.0.0.1:" + std::to_string(1024 + step)));
            ++asked;
            if (!reply.empty()) ++answered;
            while (!net.transport.open.empty() && dice.below(3) != 0) {
                const std::size_t i = dice.below(net.transport.open.size());
                const std::uint64_t fate = dice.below(10);
                if (fate == 0)
                    net.transport.fail(i, ECONNREFUSED);
                else if (fate == 1)
                    net.transport.answer(i, 2, {});
                else if (fate == 2)
                    net.transport.deliver(i, core::Bytes(dice.below(40)));
                else if (fate == 3)
                    net.transport.answer(i, 3, {}, kSoa);
                else
                    net.transport.deliver(i, test::reply_to(net.transport.open[i].query, 0, {}, kSoa));
            }
            net.clock.advance(static_cast<core::Micros>(dice.below(400)) * kMillisecond);
        }
        net.clock.advance(30 * kSecond);  // the last ones linger for a late reply
        CHECK(answered + net.sink.replies.size() == asked);
        CHECK(net.forwarder.inflight() == 0);
        CHECK(net.transport.open.empty());
        CHECK(net.cache.bytes() <= plan.settings.cache_bytes);
        CHECK(net.clock.idle());
    }
}
