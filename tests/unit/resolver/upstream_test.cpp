// SPDX-License-Identifier: Apache-2.0
// What is known and counted of one upstream server.
#include "resolver/upstream.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::resolver;
using core::kMillisecond;
using core::kSecond;
using core::Micros;

namespace {

core::SocketAddress address(const char* text) {
    return *core::SocketAddress::parse(text, 53);
}

constexpr std::uint16_t kOk = 0, kFails = 2, kNoName = 3, kRefuses = 5;

}  // namespace

// The agent's metrics and its doctor say from these numbers which server fails, and how.
TEST_CASE("upstream: what a server did is counted in its slot of the statistics", "[upstream]") {
    core::UpstreamStats seen;
    Upstream u(7, address("192.0.2.1"));
    u.sent(false);  // before it has a slot
    u.count_in(&seen);
    u.sent(true);
    u.answered(kSecond, 10 * kMillisecond, kOk);
    u.answered(kSecond, 18 * kMillisecond, kNoName);
    u.answered(kSecond, 11 * kMillisecond, kFails);
    u.answered(kSecond, 11 * kMillisecond, kRefuses);
    u.stayed_silent(3 * kSecond, 2 * kSecond);
    u.failed(3 * kSecond);
    CHECK(seen.id == 7);
    CHECK(seen.sent == 2);
    CHECK(seen.tcp == 1);
    CHECK(seen.answered == 4);
    CHECK(seen.servfail == 1);
    CHECK(seen.refused == 1);
    CHECK(seen.timeouts == 1);
    CHECK(seen.network_errors == 1);
    CHECK(seen.srtt_us == 11000);
    CHECK(seen.rtt_sum_us == 50000);
    const auto bucket = [&](std::uint32_t bound) {
        const auto& bounds = core::kLatencyBoundsUs;
        return seen
            .rtt_buckets[static_cast<std::size_t>(std::find(bounds.begin(), bounds.end(), bound) - bounds.begin())];
    };
    CHECK(bucket(10000) == 1);
    CHECK(bucket(25000) == 3);
    u.answered(kSecond, 6 * kSecond, kOk);
    CHECK(seen.rtt_buckets.back() == 1);
}

// Else a server that was removed from the plan, but still has a question, counts for the one that has its slot since.
TEST_CASE("upstream: a server that was removed counts for no other one", "[upstream]") {
    core::StatsPage page;
    std::vector<core::SocketAddress> left_out;
    const auto old = update_upstreams({}, {{1, address("192.0.2.1")}}, {}, page, &left_out);
    old[0]->sent(false);
    REQUIRE(page.upstreams[0].id == 1);
    CHECK(page.upstreams[0].sent == 1);
    const auto next = update_upstreams(old, {{2, address("192.0.2.2")}}, {}, page, &left_out);
    REQUIRE(page.upstreams[0].id == 2);
    CHECK(page.upstreams[0].sent == 0);
    old[0]->sent(false);
    CHECK(page.upstreams[0].sent == 0);
    next[0]->sent(false);
    CHECK(page.upstreams[0].sent == 1);
}

// A copy of every question to a dead server costs as much as the questions themselves.
TEST_CASE("upstream: a suspect server is asked again after 1 s, then at ever longer intervals up to 30 s",
          "[upstream]") {
    Upstream u(1, address("192.0.2.1"));
    Micros now = 100 * kSecond;
    const auto becomes_suspect = [&] {
        for (int i = 0; i < 3; ++i) {
            CHECK_FALSE(u.suspect());
            u.failed(now);
        }
        CHECK(u.suspect());
    };
    becomes_suspect();
    for (int round = 0; round < 2; ++round) {
        for (const Micros wait : {1, 2, 4, 8, 16, 30, 30}) {
            CAPTURE(wait);
            CHECK_FALSE(u.recheck_due(now + wait * kSecond - 1));
            now += wait * kSecond;
            CHECK(u.recheck_due(now));
            u.recheck_started(now);
        }
        u.answered(now, kMillisecond, kOk);  // from 1 s on again
        CHECK_FALSE(u.recheck_due(now + 60 * kSecond));
        becomes_suspect();
    }
}

// RFC 7873 4: a server cookie has 8 to 32 bytes.
TEST_CASE("upstream: a cookie of a size that is none is ignored", "[upstream]") {
    Upstream u(1, address("192.0.2.1"));
    u.make_cookie(0x0102030405060708);
    REQUIRE(u.cookie().size() == 8);
    core::Bytes cookie(u.cookie().begin(), u.cookie().end());
    for (const auto& [size, taken] : {std::pair<std::size_t, bool>{15, false}, {16, true}, {40, true}, {41, false}}) {
        CAPTURE(size);
        u.forget_server_cookie();
        cookie.resize(size, 0xab);
        CHECK(u.is_own_cookie(cookie));
        u.take_cookie(cookie);
        CHECK(u.speaks_cookies() == taken);
        CHECK(u.cookie().size() == (taken ? size : 8));
    }
    cookie[7] = static_cast<std::uint8_t>(cookie[7] ^ 1);
    CHECK_FALSE(u.is_own_cookie(cookie));
    CHECK_FALSE(u.is_own_cookie(core::ByteView(cookie).first(7)));
}
