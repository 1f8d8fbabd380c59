// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/upstream_watch.h"

#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kMinute;
using core::kSecond;

namespace {

const core::SocketAddress kFirst = *core::SocketAddress::parse("192.0.2.1:53", 53),
                          kSecondServer = *core::SocketAddress::parse("192.0.2.2:53", 53);

struct Bench : UpstreamWatch::Asker {
    test::FakeClock clock;
    core::StatsPage page;
    std::map<core::SocketAddress, core::UpstreamStats> counters{{kFirst, {}}, {kSecondServer, {}}};
    std::map<core::SocketAddress, UpstreamLook> says;  // what a server is seen to do; none: the question hangs
    std::vector<core::SocketAddress> asked;
    std::string expected_name = "aliyun.com";
    UpstreamWatch watch{clock, *this};

    Bench() {
        page.start_id = 1;
        watch.use({kFirst, kSecondServer});
        sample();
    }
    void ask(const core::SocketAddress& server, const std::string& name,
             std::function<void(UpstreamLook)> done) override {
        CHECK(name == expected_name);
        asked.push_back(server);
        if (const auto found = says.find(server); found != says.end()) done(found->second);
    }
    void sample() { watch.sample(page, counters); }
    void both(UpstreamState state, bool resolves = false) {
        for (const auto& server : {kFirst, kSecondServer})
            says[server] = {state, resolves, std::nullopt};
    }
    /// The resolver's counter of both servers grows.
    void grow(std::uint64_t core::UpstreamStats::*member, std::uint64_t by) {
        for (auto& [server, stats] : counters) {
            stats.*member += by;
            if (member == &core::UpstreamStats::refused || member == &core::UpstreamStats::servfail)
                stats.answered += by;
        }
        clock.advance(kSecond);
        sample();
    }
    void count_rcode(std::size_t rcode, std::uint64_t by) {
        page.queries[static_cast<std::size_t>(core::Source::kUpstream)][rcode][0] += by;
        sample();
    }
    UpstreamState state(std::size_t i = 0) { return watch.seen().at(i).state; }
};

}  // namespace

TEST_CASE("upstream watch: nothing is known of a server that nobody asked", "[upstreams]") {
    Bench b;
    CHECK(b.watch.seen().size() == 2);
    CHECK(b.state() == UpstreamState::kUnknown);
    b.watch.use({});
    CHECK(b.watch.seen().empty());
}

TEST_CASE("upstream watch: the resolver's failures count until an answer, and for five minutes", "[upstreams]") {
    using Member = std::uint64_t core::UpstreamStats::*;
    for (const auto& [member, expected] :
         {std::pair<Member, UpstreamState>{&core::UpstreamStats::timeouts, UpstreamState::kSilent},
          {&core::UpstreamStats::network_errors, UpstreamState::kSilent},
          {&core::UpstreamStats::refused, UpstreamState::kRefused},
          {&core::UpstreamStats::servfail, UpstreamState::kServfail}}) {
        Bench b;
        b.grow(member, 2);
        CHECK(b.state() == UpstreamState::kUnknown);  // an accident
        b.grow(member, 1);
        CHECK(b.state() == expected);
        b.clock.advance(5 * kMinute);
        CHECK(b.state() == UpstreamState::kUnknown);
        b.grow(member, 1);
        CHECK(b.state() == expected);
        b.grow(&core::UpstreamStats::answered, 1);  // a REFUSED is counted as answered, too, and is none
        CHECK(b.state() == UpstreamState::kUnknown);
    }
}

TEST_CASE("upstream watch: a resolver that starts anew counts from its own zero", "[upstreams]") {
    Bench b;
    b.grow(&core::UpstreamStats::timeouts, 100);
    b.grow(&core::UpstreamStats::answered, 100);
    b.page.start_id = 2;
    b.counters = {{kFirst, {}}, {kSecondServer, {}}};
    b.grow(&core::UpstreamStats::timeouts, 50);  // in the same moment: the difference says nothing
    CHECK(b.state() == UpstreamState::kUnknown);
    b.grow(&core::UpstreamStats::timeouts, 3);
    CHECK(b.state() == UpstreamState::kSilent);
}

TEST_CASE("upstream watch: it asks one server at a time, slowly, and a silent one twice before it is silent",
          "[upstreams]") {
    Bench b;
    b.both(UpstreamState::kWorks, true);
    b.watch.start();
    b.clock.advance(kSecond);
    b.clock.advance(kSecond);
    CHECK(b.asked == std::vector{kFirst, kSecondServer});
    CHECK(b.state() == UpstreamState::kWorks);
    for (int i = 0; i < 60; ++i)
        b.clock.advance(kSecond);
    CHECK(b.asked.size() <= 2 + 60 / 15);
    b.both(UpstreamState::kSilent);
    for (int i = 0; i < 45 && b.state() != UpstreamState::kSilent; ++i)
        b.clock.advance(kSecond);
    CHECK(b.state() == UpstreamState::kSilent);
    b.watch.stop();
    const auto before = b.asked.size();
    b.clock.advance(kMinute);
    CHECK(b.asked.size() == before);
}

TEST_CASE("upstream watch: a question that hangs stops no timer and asks no second one", "[upstreams]") {
    Bench b;
    b.watch.start();
    for (int i = 0; i < 120; ++i)
        b.clock.advance(kSecond);
    CHECK(b.asked.size() == 1);
    CHECK(b.state() == UpstreamState::kUnknown);
}

TEST_CASE("upstream watch: a server for private names alone is never in trouble for what it does not know",
          "[upstreams]") {
    for (const auto seen : {UpstreamState::kRefused, UpstreamState::kServfail, UpstreamState::kNoNames}) {
        Bench b;
        b.both(seen);
        b.watch.start();
        for (int i = 0; i < 60; ++i)
            b.clock.advance(kSecond);
        CHECK(b.state() == UpstreamState::kUnknown);
    }
}

TEST_CASE("upstream watch: one that knew the name before and refuses now is in trouble", "[upstreams]") {
    for (const auto seen : {UpstreamState::kRefused, UpstreamState::kServfail, UpstreamState::kNoNames}) {
        Bench b;
        b.both(UpstreamState::kWorks, true);
        b.watch.start();
        for (int i = 0; i < 5; ++i)
            b.clock.advance(kSecond);
        b.both(seen);
        for (int i = 0; i < 60; ++i)
            b.clock.advance(kSecond);
        CHECK(b.state(0) == seen);
        CHECK(b.state(1) == seen);
    }
}

TEST_CASE("upstream watch: a server that denies what upstreams have resolved before is in trouble", "[upstreams]") {
    for (const auto seen : {UpstreamState::kRefused, UpstreamState::kServfail, UpstreamState::kNoNames}) {
        Bench b;
        b.both(seen);
        b.expected_name = "api.example";
        b.watch.know("api.example");
        b.watch.start();
        for (int i = 0; i < 10; ++i)
            b.clock.advance(kSecond);
        CHECK(b.state(0) == seen);
        CHECK(b.state(1) == seen);
    }
}

TEST_CASE("upstream watch: NXDOMAIN for everything needs programs that got nothing else, or a past", "[upstreams]") {
    Bench b;
    b.both(UpstreamState::kNoNames);
    b.watch.start();
    for (int i = 0; i < 40; ++i)
        b.clock.advance(kSecond);
    b.count_rcode(3, 2);
    CHECK(b.state() == UpstreamState::kUnknown);
    b.count_rcode(3, 1);
    CHECK(b.state() == UpstreamState::kNoNames);
    b.count_rcode(0, 1);  // a name: it is a server that knows some
    CHECK(b.state() == UpstreamState::kUnknown);
}

TEST_CASE("upstream watch: servers that stay keep what is known of them", "[upstreams]") {
    Bench b;
    b.grow(&core::UpstreamStats::timeouts, 3);
    b.watch.use({kSecondServer});
    REQUIRE(b.watch.seen().size() == 1);
    CHECK(b.state() == UpstreamState::kSilent);
    b.watch.use({kFirst, kSecondServer});
    CHECK(b.state(0) == UpstreamState::kUnknown);
    CHECK(b.state(1) == UpstreamState::kSilent);
}
