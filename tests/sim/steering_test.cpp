// SPDX-License-Identifier: Apache-2.0
// The whole agent but its edges on a fake clock.
#include <algorithm>
#include <set>

#include "tests/sim/steering_world.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kMinute;
using core::kSecond;
using probe::Reason;
using World = test::SteeringWorld;

TEST_CASE("agent: addresses from the cloud are in the plan at once, verdicts follow", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kSecond);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    w.clock.advance(30 * kSecond);
    StatusSnapshot s;
    w.engine->fill_status(s);
    REQUIRE(s.links[0].addresses.size() == 2);
    CHECK(s.links[0].addresses[0].state == probe::State::kUp);
    CHECK(s.links[0].first_sweep_done);
}

TEST_CASE("agent: a dead address leaves the answer after fall fast probes and is back after rise", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    w.prober.set("10.0.2.1", probe::Reason::kTcpRefused);
    w.clock.advance(10 * kSecond + 2 * kSecond + 500 * core::kMillisecond);  // one interval, then two fast ones
    CHECK(w.answer() == "10.0.1.1");
    CHECK(w.plans.back().links[0].decision.stale.size() == 2);
    w.prober.set("10.0.2.1", probe::Reason::kNone);
    w.clock.advance(13 * kSecond);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
}

TEST_CASE("agent: probes are counted by address, and forgotten with it", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    w.prober.set("10.0.2.1", probe::Reason::kTlsReset);
    w.clock.advance(kMinute);
    StatusSnapshot s;
    w.engine->fill_status(s);
    const AddressCounters& good = s.links[0].addresses[0].counters;
    const AddressCounters& bad = s.links[0].addresses[1].counters;
    CHECK(good.failures.empty());
    CHECK(bad.failures.at(probe::Reason::kTlsReset) >= 3);
    const auto timed = [](const AddressCounters& c, probe::Phase phase) {
        std::uint64_t n = 0;
        for (const auto count : c.phases[static_cast<std::size_t>(phase)].buckets)
            n += count;
        return n;
    };
    CHECK(timed(good, probe::Phase::kTransfer) == good.attempts);
    CHECK(timed(bad, probe::Phase::kTls) == bad.attempts);  // a failed phase has its time, too
    CHECK(timed(bad, probe::Phase::kTransfer) == bad.attempts - bad.failures.at(probe::Reason::kTlsReset));

    const auto kept = good.attempts;
    w.cloud.set({{"zone-a", "10.0.1.1"}, {"zone-c", "10.0.3.1"}});
    w.clock.advance(20 * kMinute);  // a poll, then the grace time of a zone that vanished
    StatusSnapshot later;
    w.engine->fill_status(later);
    REQUIRE(later.links[0].addresses.size() == 2);
    CHECK(later.links[0].addresses[0].counters.attempts > kept);
    CHECK(later.links[0].addresses[1].ip.text() == "10.0.3.1");
    CHECK(later.links[0].addresses[1].counters.failures.empty());

    const auto records_of = [&w](const char* ip) {
        probe::RecordFilter filter;
        filter.ip = core::IpAddress::parse(ip);
        return w.engine->history().query(filter, 1000).size();
    };
    CHECK(records_of("10.0.2.1") > 0);  // kept for a day
    w.clock.advance(25 * core::kHour);
    CHECK(records_of("10.0.2.1") == 0);
    CHECK(records_of("10.0.1.1") > 0);
}

TEST_CASE("agent: a probe on demand takes the addresses in the order of the answer", "[sim]") {
    World w;
    w.engine->set_host_zone("zone-b");
    w.engine->start(false);
    w.clock.advance(kMinute);
    const auto order = [&] {
        std::string out;
        const auto targets = w.engine->targets_of("prod");
        REQUIRE(targets);
        for (const auto& t : *targets)
            out += (out.empty() ? "" : " ") + t.ip.text();
        return out;
    };
    CHECK(order() == "10.0.2.1 10.0.1.1");
    CHECK(order() == w.answer());
    w.prober.set("10.0.2.1", probe::Reason::kTcpRefused);
    w.clock.advance(kMinute);
    CHECK(w.answer() == "10.0.1.1");
    CHECK(order() == "10.0.1.1 10.0.2.1");  // what is not answered comes last
    CHECK(w.engine->targets_of("prod")->front().spec->host == "db.example.com");
    CHECK_FALSE(w.engine->targets_of("other"));
}

TEST_CASE("agent: when everything is down everything is answered", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    w.prober.set_default({probe::Reason::kTcpTimeout, kSecond});
    w.clock.advance(kMinute);
    CHECK(w.answer() == "10.0.2.1 10.0.1.1");  // the last to have passed comes first
    CHECK(w.plans.back().links[0].decision.all_down);
    StatusSnapshot s;
    w.engine->fill_status(s);
    CHECK(s.links[0].all_down);
}

TEST_CASE("agent: comparing distinguishes PrivateLink's fault from the service's and changes no answer",
          "[sim][compare]") {
    World w;
    Config config = World::config();
    config.links[0].compare = "gw.example.com";
    config.links[0].token.file = "/token";
    w.engine->configure(config);
    w.engine->start(false);
    const auto compare = [&w] {
        StatusSnapshot s;
        w.engine->fill_status(s);
        REQUIRE(s.links[0].compare);
        return *s.links[0].compare;
    };
    w.clock.advance(kMinute);
    CHECK(compare().finding == Comparison::kBothWork);
    CHECK(compare().private_median_us);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");

    for (const char* ip : {"10.0.1.1", "10.0.2.1"})
        w.prober.set(ip, {Reason::kTcpTimeout, kSecond});
    w.clock.advance(2 * kMinute);
    CHECK(compare().finding == Comparison::kPrivatelinkBroken);
    CHECK(w.plans.back().links[0].decision.all_down);
    CHECK(w.answer() == "10.0.2.1 10.0.1.1");

    w.prober.set_default({Reason::kSqlUnavailable});
    w.prober.clear();
    w.clock.advance(5 * kMinute);
    CHECK(compare().finding == Comparison::kServiceDown);

    w.prober.set_default({Reason::kHttpStatus401});
    w.prober.set("10.0.1.1", Reason::kNone);
    w.prober.set("10.0.2.1", Reason::kNone);
    const int refusals = w.token_refusals;
    w.clock.advance(30 * kMinute);
    CHECK(compare().finding == Comparison::kPublicFails);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    CHECK_FALSE(w.plans.back().links[0].decision.all_down);
    CHECK(w.token_refusals == refusals);
}

TEST_CASE("agent: a refused token changes no answer and asks for the token again", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    const auto before = w.answer();
    w.prober.set_default({probe::Reason::kHttpStatus401});
    w.clock.advance(2 * kMinute);
    CHECK(w.answer() == before);
    CHECK(w.token_refusals > 0);
    StatusSnapshot s;
    w.engine->fill_status(s);
    CHECK(s.links[0].addresses[0].verdict.path == probe::State::kUp);
    CHECK(s.links[0].addresses[0].verdict.service == probe::State::kDown);
}

TEST_CASE("agent: a changed address is answered after the next poll, and probed", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    w.cloud.set({{"zone-a", "10.0.1.99"}, {"zone-b", "10.0.2.1"}});
    w.clock.advance(67 * kSecond);  // 60 s + 10 % + 1 s
    CHECK(w.answer() == "10.0.1.99 10.0.2.1");
    std::set<std::string> probed;
    for (const auto& start : w.prober.starts())
        probed.insert(start.ip.text());
    CHECK(probed.count("10.0.1.99") == 1);
}

TEST_CASE("agent: a cloud that fails for a day changes nothing", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    w.cloud.break_it();
    w.prober.record_starts(false);
    w.clock.advance(core::kDay);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    StatusSnapshot s;
    w.engine->fill_status(s);
    CHECK(s.links[0].discovery.error);
}

TEST_CASE("agent: plans are republished before the verdicts in them expire", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    const auto count = w.plans.size();
    w.clock.advance(10 * kMinute);
    CHECK(w.plans.size() >= count + 5);
    for (std::size_t i = count; i < w.plans.size(); ++i)
        CHECK(w.plans[i].links[0].verdicts_until > 0);
    CHECK(w.plans.back().links[0].verdicts_until > w.clock.mono_us() + 2 * kMinute);
}

TEST_CASE("agent: without probes coming in the validity is not extended", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    w.prober.set_default({probe::Reason::kLocalFdLimit});  // the prober itself is broken
    w.clock.advance(10 * kMinute);
    CHECK(w.plans.back().links[0].verdicts_until < w.clock.mono_us());
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
}

TEST_CASE("agent: after a restart the plan on disk is kept until the first sweep", "[sim]") {
    World w;
    w.prober.set("10.0.2.1", test::FakeProber::Outcome{probe::Reason::kTcpTimeout, kSecond});
    w.engine->start(false);
    w.clock.advance(kMinute);
    REQUIRE(w.answer() == "10.0.1.1");
    Snapshot snapshot;
    w.engine->fill_snapshot(snapshot);
    w.plans.clear();
    w.make();  // a new agent, the same world
    w.engine->restore(snapshot);
    w.engine->start(true);
    w.clock.advance(100 * core::kMillisecond);
    CHECK(w.plans.empty());
    w.clock.advance(6 * kSecond);
    CHECK_FALSE(w.plans.empty());
}

TEST_CASE("agent: an address that was down before a restart is never answered until it has risen", "[sim]") {
    for (const bool keep_plan : {true, false}) {
        World w;
        w.prober.set("10.0.2.1", test::FakeProber::Outcome{probe::Reason::kTcpRefused});
        w.engine->start(false);
        w.clock.advance(kMinute);
        REQUIRE(w.answer() == "10.0.1.1");
        Snapshot snapshot;
        w.engine->fill_snapshot(snapshot);
        const std::string saved = w.engine->saved_verdicts();
        w.clock.advance(20 * kSecond);
        w.plans.clear();
        w.make();
        w.engine->restore(snapshot);
        REQUIRE(*w.engine->restore_verdicts(saved) == 2);
        w.engine->start(keep_plan);
        w.clock.advance(30 * kSecond);
        REQUIRE_FALSE(w.plans.empty());
        for (const auto& plan : w.plans) {
            REQUIRE(plan.links[0].decision.fresh.size() == 1);
            CHECK(plan.links[0].decision.fresh[0].text() == "10.0.1.1");
        }
        w.prober.clear();
        w.clock.advance(15 * kSecond);
        CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    }
}

TEST_CASE("agent: verdicts older than plan_ttl count as none after a restart", "[sim]") {
    World w;
    w.prober.set("10.0.2.1", test::FakeProber::Outcome{probe::Reason::kTcpRefused});
    w.engine->start(false);
    w.clock.advance(kMinute);
    Snapshot snapshot;
    w.engine->fill_snapshot(snapshot);
    const std::string saved = w.engine->saved_verdicts();
    w.engine->stop();
    w.clock.advance(6 * kMinute);
    w.make();
    w.engine->restore(snapshot);
    CHECK(*w.engine->restore_verdicts(saved) == 0);
    CHECK_FALSE(w.engine->restore_verdicts("something else"));
    w.engine->start(false);
    w.clock.advance(0);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
}

TEST_CASE("agent: an address that flaps for hours changes the answer rarely, and stays in when it stops", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    w.prober.record_starts(false);
    std::string last = w.answer();
    int first_changes = 0, later_changes = 0;
    for (int turn = 0; turn < 240; ++turn) {  // half a minute good, half a minute dead, for two hours
        w.prober.set("10.0.2.1", turn % 2 == 0 ? probe::Reason::kTcpRefused : probe::Reason::kNone);
        for (int i = 0; i < 30; ++i) {
            w.clock.advance(kSecond);
            if (w.answer() == last) continue;
            last = w.answer();
            ++(turn < 20 ? first_changes : later_changes);
        }
    }
    CHECK(first_changes <= 14);
    CHECK(later_changes <= 11 * 14);  // out and in seven times in ten minutes; undamped it would be 440
    w.prober.clear();
    w.clock.advance(2 * kMinute);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
}

TEST_CASE("agent: a reload that changes one link's addresses leaves the verdicts of the others alone", "[sim]") {
    World w;
    Config config = World::config();
    LinkConfig fixed = config.links[0];
    fixed.name = "fixed";
    fixed.endpoints.clear();
    fixed.addresses = {*core::IpAddress::parse("10.9.0.1")};
    config.links.push_back(fixed);
    w.engine->configure(config);
    w.engine->start(false);
    w.prober.set("10.0.2.1", Reason::kTcpRefused);
    w.clock.advance(kMinute);
    REQUIRE(w.answer() == "10.0.1.1");
    config.links[1].addresses = {*core::IpAddress::parse("10.9.0.2")};
    w.engine->configure(config);
    w.clock.advance(0);
    CHECK(w.plans.back().links[1].addresses[0].ip.text() == "10.9.0.2");
    CHECK(w.answer() == "10.0.1.1");
    StatusSnapshot s;
    w.engine->fill_status(s);
    CHECK(s.links[0].addresses[1].state == probe::State::kDown);
    CHECK(s.links[0].addresses[1].counters.attempts > 0);
}

TEST_CASE("agent: the host's zone comes first once it is known", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kSecond);
    w.engine->set_host_zone("zone-b");
    w.clock.advance(kSecond);
    CHECK(w.answer() == "10.0.2.1 10.0.1.1");
}

TEST_CASE("agent: over random days the answer is never empty and never has an address the cloud did not give",
          "[sim]") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        INFO("seed " << seed);
        World w(seed);
        core::SeededRandom dice(seed * 77);
        w.prober.record_starts(false);
        w.engine->start(false);
        w.clock.advance(kSecond);
        const std::vector<std::string> all{"10.0.1.1", "10.0.2.1", "10.0.3.1"};
        for (int hour = 0; hour < 24; ++hour) {
            if (dice.below(4) == 0) {
                w.cloud.break_it();
            } else {
                w.cloud.set({{"zone-a", all[0]}, {"zone-b", all[1 + dice.below(2)]}});
            }
            for (const auto& ip : all) {
                const auto reason =
                    dice.below(3) == 0
                        ? static_cast<probe::Reason>(dice.below(static_cast<std::uint64_t>(probe::Reason::kCount)))
                        : probe::Reason::kNone;
                w.prober.set(ip, test::FakeProber::Outcome{reason, static_cast<core::Micros>(dice.below(2 * kSecond))});
            }
            w.clock.advance(kMinute * static_cast<core::Micros>(1 + dice.below(59)));
            for (const auto& plan : w.plans) {
                if (plan.links[0].addresses.empty()) continue;  // before the first discovery: not ready, not NODATA
                REQUIRE_FALSE(plan.links[0].decision.fresh.empty());
                for (const auto& ip : plan.links[0].decision.stale) {
                    REQUIRE(std::find(all.begin(), all.end(), ip.text()) != all.end());
                }
            }
            w.plans.erase(w.plans.begin(), w.plans.end() - 1);
        }
    }
}

TEST_CASE("agent: a dead address asks the cloud again within half a minute or what is left of poll_interval, and once",
          "[sim]") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        World w(seed);
        w.engine->start(false);
        w.clock.advance(8 * core::kHour);  // unchanged for long: asked every five minutes
        const int before = w.cloud.polls;
        w.prober.set("10.0.2.1", probe::Reason::kTcpTimeout);
        w.clock.advance(10 * kSecond + 3 * kSecond + kMinute);
        CHECK(w.cloud.polls >= before + 1);
        w.clock.advance(6 * core::kHour);  // it stays dead, and that is no news
        const int later = w.cloud.polls;
        w.clock.advance(core::kHour);
        CHECK(w.cloud.polls - later <= 14);
    }
}

TEST_CASE("agent: the kernel's timeouts bring the next probe forward, and never a verdict", "[sim]") {
    World w;
    w.engine->start(false);
    w.clock.advance(kMinute);
    CHECK(w.engine->all_good());
    const auto targets = w.engine->connection_targets();
    REQUIRE(targets.size() == 2);
    CHECK(targets[0].address.text() == "10.0.1.1:443");
    CHECK_FALSE(targets[0].bypass);
    const auto published = w.plans.size();
    // The address works: it is probed more often, and stays.
    const auto before = w.prober.count();
    for (int i = 0; i < 12; ++i) {
        w.engine->suspect("prod", targets[1].address.ip);
        w.clock.advance(5 * kSecond);
    }
    CHECK(w.prober.count() - before >= 6 + 12);
    CHECK(w.prober.count() - before <= 6 + 19);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    CHECK(w.plans.size() <= published + 1);
    CHECK(w.engine->all_good());

    // It does not: it is withdrawn after its fast probes, without waiting for the interval.
    w.prober.set("10.0.2.1", probe::Reason::kTcpRefused);
    w.engine->suspect("prod", targets[1].address.ip);
    w.clock.advance(2 * kSecond + 200 * core::kMillisecond);
    CHECK(w.answer() == "10.0.1.1");
    CHECK_FALSE(w.engine->all_good());
    // Known to be down: nothing more is found out by probing it early.
    w.clock.advance(30 * kSecond);
    const auto down = w.prober.count();
    for (int i = 0; i < 6; ++i) {
        w.engine->suspect("prod", targets[1].address.ip);
        w.clock.advance(kSecond / 100);
    }
    CHECK(w.prober.count() - down <= 1);
    w.engine->suspect("other", targets[1].address.ip);
    w.engine->suspect("prod", *core::IpAddress::parse("192.0.2.1"));
}

TEST_CASE("agent: connections to the public gateway are of interest once its addresses are known", "[sim]") {
    World w;
    auto config = World::config();
    config.links[0].compare = "gw.example.com";
    w.engine->configure(config);
    w.engine->start(false);
    w.clock.advance(kMinute);
    const auto targets = w.engine->connection_targets();
    REQUIRE(targets.size() == 3);
    CHECK(targets[2].bypass);
    CHECK(targets[2].address.text() == "203.0.113.10:443");
}
