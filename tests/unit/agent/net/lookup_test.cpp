// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "agent/net/lookup.h"
#include "tests/unit/agent/net/loopback.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;
using core::IpAddress;

namespace {

constexpr std::uint16_t kA = 1, kAaaa = 28;

core::Result<LookupResult> ask(core::Loop& loop, Lookup& lookup, const std::string& host) {
    std::optional<core::Result<LookupResult>> result;
    lookup.resolve(host, [&](auto r) { result = std::move(r); });
    CHECK_FALSE(result);  // never from inside the call
    run_until(loop, [&] { return result.has_value(); });
    return *result;
}

std::string text(const LookupResult& result) {
    std::string out;
    for (const auto& a : result.addresses)
        out += (out.empty() ? "" : " ") + a.text();
    return out;
}

core::Bytes both_families(const core::Bytes& query) {
    if (query_type(query) == kA) return dns_reply(query, 0, {{kA, 60, {10, 0, 0, 2}}, {kA, 30, {10, 0, 0, 1}}});
    return dns_reply(query, 0, {{kAaaa, 90, {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}});
}

/// The real clock; it remembers the longest time that anyone wanted to wait.
struct LongestAlarm final : core::Clock {
    explicit LongestAlarm(core::Loop& loop) : real(loop) {}
    core::SystemClock real;
    core::Micros longest_us = 0;
    core::Micros mono_us() const override { return real.mono_us(); }
    core::Micros wall_us() const override { return real.wall_us(); }
    AlarmId set_alarm(core::Micros when, std::function<void()> fn) override {
        longest_us = std::max(longest_us, when - real.mono_us());
        return real.set_alarm(when, std::move(fn));
    }
    void cancel_alarm(AlarmId id) override { real.cancel_alarm(id); }
};

}  // namespace

TEST_CASE("lookup: both families are asked, sorted, with the least TTL", "[lookup]") {
    core::Loop loop;
    {
        core::SystemClock clock(loop);
        UdpServer server(both_families);
        AresLookup lookup(loop, clock);
        lookup.set_upstreams({server.address()});
        const auto result = ask(loop, lookup, "Api.Example.");
        REQUIRE(result);
        CHECK(text(*result) == "10.0.0.1 10.0.0.2 2001:db8::1");
        CHECK(result->ttl_s == 30);
        CHECK_FALSE(result->stale);
        CHECK_FALSE(result->partial);
        const int asked = server.queries();
        CHECK(asked == 2);
        CHECK(ask(loop, lookup, "api.example"));
        CHECK(server.queries() == asked);  // within its TTL
        CHECK(lookup.known().at("api.example").size() == 3);
        lookup.forget("API.example.");
        CHECK(ask(loop, lookup, "api.example"));
        CHECK(server.queries() == 2 * asked);
    }
    CHECK(loop.close());
}

TEST_CASE("lookup: aliases that the server leaves to us are followed, not for ever", "[lookup]") {
    const auto name = [](const std::string& label) {  // "second" → 6 s e c o n d 4 t e s t 0
        const std::string wire = std::string(1, static_cast<char>(label.size())) + label + std::string("\4test\0", 6);
        return core::Bytes(wire.begin(), wire.end());
    };
    for (const bool typed : {false, true}) {  // an alias is the answer to every question, or to one about aliases only
        core::Loop loop;
        {
            core::SystemClock clock(loop);
            UdpServer server([&](const core::Bytes& query) {
                const std::string asked(query.begin() + 13, query.begin() + 13 + query[12]);
                constexpr std::uint16_t kCname = 5;
                const bool alias = !typed || query_type(query) == kCname;
                if (asked == "first" && alias) return dns_reply(query, 0, {{kCname, 20, name("second")}});
                if (asked == "second" && alias) return dns_reply(query, 0, {{kCname, 40, name("third")}});
                if (asked == "round" && alias) return dns_reply(query, 0, {{kCname, 40, name("round")}});
                if (asked == "third" && query_type(query) == kA) return dns_reply(query, 0, {{kA, 60, {10, 0, 0, 7}}});
                return dns_reply(query, 0, {});
            });
            AresLookup lookup(loop, clock);
            lookup.set_upstreams({server.address()});
            const auto result = ask(loop, lookup, "first.test");
            REQUIRE(result);
            CHECK(text(*result) == "10.0.0.7");
            CHECK(result->ttl_s == 20);
            CHECK(result->aliases == std::vector<std::string>{"second.test", "third.test"});
            const auto none = ask(loop, lookup, "none.test");
            REQUIRE_FALSE(none);
            CHECK(none.error().what.find("has no address") != std::string::npos);
            REQUIRE_FALSE(ask(loop, lookup, "round.test"));
        }
        CHECK(loop.close());
    }
}

TEST_CASE("lookup: literals and localhost need no server, and what is no host name is refused", "[lookup]") {
    core::Loop loop;
    {
        core::SystemClock clock(loop);
        AresLookup lookup(loop, clock);
        CHECK(text(*ask(loop, lookup, "10.1.2.3")) == "10.1.2.3");
        CHECK(text(*ask(loop, lookup, "2001:db8::2")) == "2001:db8::2");
        CHECK(text(*ask(loop, lookup, "localhost")) == "127.0.0.1");
        for (const char* bad : {"", "a..b", "with space", "semi;colon", "-\n"}) {
            const auto result = ask(loop, lookup, bad);
            REQUIRE_FALSE(result);
            CHECK(result.error().code == Code::kUsage);
        }
        const auto result = ask(loop, lookup, "api.example");
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Code::kDnsFailed);
        CHECK(result.error().what == "no DNS server to ask about api.example");
    }
    CHECK(loop.close());
}

TEST_CASE("lookup: a name that does not exist is an error although old addresses are known", "[lookup]") {
    core::Loop loop;
    {
        core::SystemClock clock(loop);
        UdpServer server([](const core::Bytes& query) { return dns_reply(query, 3, {}); });
        AresLookup lookup(loop, clock);
        lookup.set_upstreams({server.address()});
        lookup.remember({{"gone.example", {IpAddress::v4(0x0a000001)}}});
        const auto result = ask(loop, lookup, "gone.example");
        REQUIRE_FALSE(result);
        CHECK(result.error().code == Code::kDnsFailed);
        CHECK(result.error().what == "gone.example does not exist, say " + server.address().text());
        CHECK(lookup.is_absent("Gone.example."));
        CHECK_FALSE(lookup.is_absent("never.asked.example"));
    }
    CHECK(loop.close());
}

TEST_CASE("lookup: with failing upstreams the last good addresses serve, and say that they are stale", "[lookup]") {
    core::Loop loop;
    {
        core::SystemClock clock(loop);
        UdpServer server([](const core::Bytes& query) { return dns_reply(query, 2, {}); });
        AresLookup lookup(loop, clock);
        lookup.set_upstreams({server.address()});
        const auto unknown = ask(loop, lookup, "api.example");
        REQUIRE_FALSE(unknown);
        CHECK(unknown.error().code == Code::kDnsFailed);
        lookup.remember({{"api.example", {IpAddress::v4(0x0a000001)}}});
        const auto result = ask(loop, lookup, "api.example");
        REQUIRE(result);
        CHECK(result->stale);
        CHECK(text(*result) == "10.0.0.1");
    }
    CHECK(loop.close());
}

TEST_CASE("lookup: silent upstreams end within the limit, and one family is enough", "[lookup]") {
    core::Loop loop;
    {
        LongestAlarm clock(loop);
        UdpServer silent([](const core::Bytes&) { return core::Bytes{}; });
        UdpServer only_a([](const core::Bytes& q) {
            return query_type(q) == kA ? dns_reply(q, 0, {{kA, 60, {10, 0, 0, 1}}}) : core::Bytes{};
        });
        AresLookup none(loop, clock), half(loop, clock);
        none.set_upstreams({silent.address()});
        half.set_upstreams({only_a.address()});
        std::optional<core::Result<LookupResult>> first, second;
        none.resolve("api.example", [&](auto r) { first = std::move(r); });
        half.resolve("api.example", [&](auto r) { second = std::move(r); });
        run_until(loop, [&] { return first && second; });
        CHECK(clock.longest_us < Lookup::kMaxTime);      // the deadline of a lookup,
        CHECK(clock.longest_us > Lookup::kMaxTime / 2);  // not the shorter ones of its tries
        REQUIRE_FALSE(*first);
        CHECK(first->error().code == Code::kTimeout);
        REQUIRE(*second);
        CHECK((*second)->partial);
        CHECK((*second)->ttl_s <= 5);
        CHECK(text(**second) == "10.0.0.1");
    }
    CHECK(loop.close());
}

TEST_CASE("lookup: new upstreams take over while a question is in flight, and destruction calls nothing back",
          "[lookup]") {
    core::Loop loop;
    {
        core::SystemClock clock(loop);
        UdpServer silent([](const core::Bytes&) { return core::Bytes{}; });
        UdpServer good(both_families);
        auto lookup = std::make_unique<AresLookup>(loop, clock);
        lookup->set_upstreams({silent.address()});
        bool answered = false;
        lookup->resolve("slow.example", [&](auto) { answered = true; });
        loop.poll();
        lookup->set_upstreams({good.address()});
        CHECK(ask(loop, *lookup, "quick.example"));
        CHECK_FALSE(answered);
        lookup->resolve("other.example", [&](auto) { answered = true; });
        lookup.reset();
        for (int i = 0; i < 20; ++i)
            loop.poll();
        CHECK_FALSE(answered);
        // Destroyed by its own callback.
        lookup = std::make_unique<AresLookup>(loop, clock);
        lookup->set_upstreams({good.address()});
        bool done = false;
        lookup->resolve("a.example", [&](auto) {
            lookup.reset();
            done = true;
        });
        run_until(loop, [&] { return done; });
    }
    CHECK(loop.close());
}

TEST_CASE("lookup: a name that nobody answers about is not absent", "[lookup]") {
    core::Loop loop;
    {
        core::SystemClock clock(loop);
        std::uint8_t rcode = 3;
        UdpServer server([&rcode](const core::Bytes& query) { return dns_reply(query, rcode, {}); });
        AresLookup lookup(loop, clock);
        lookup.set_upstreams({server.address()});
        REQUIRE_FALSE(ask(loop, lookup, "db.example"));
        CHECK(lookup.is_absent("db.example"));
        lookup.set_upstreams({});
        REQUIRE_FALSE(ask(loop, lookup, "db.example"));
        CHECK_FALSE(lookup.is_absent("db.example"));
        lookup.set_upstreams({server.address()});
        REQUIRE_FALSE(ask(loop, lookup, "db.example"));
        CHECK(lookup.is_absent("db.example"));
        rcode = 2;
        lookup.forget("db.example");
        REQUIRE_FALSE(ask(loop, lookup, "db.example"));
        CHECK_FALSE(lookup.is_absent("db.example"));
    }
    CHECK(loop.close());
}
