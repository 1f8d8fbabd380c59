// SPDX-License-Identifier: Apache-2.0
// How often the applications' connections are looked at, on a fake clock, and what follows from a look.
#include "agent/connections/connection_watch.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kMillisecond;
using core::kMinute;
using core::kSecond;

namespace {

const auto kIp = *core::IpAddress::parse("10.0.1.23");
const ConnectionTarget kTarget{"prod", {kIp, 443}};

TargetConnections seen(std::uint32_t stuck, std::uint32_t timing_out) {
    TargetConnections out{kTarget, {}, {}, 0, {}};
    out.all.states[1] = 12;
    out.all.stuck = stuck;
    out.all.timing_out = timing_out;
    out.histograms.timeouts[0] = 12;
    return out;
}

struct World : SocketLooker, ConnectionWatch::Outside {
    test::FakeClock clock;
    bool good = true;
    SocketLook found{
        .targets = {seen(0, 0)}, .complete = true, .took_us = 70'000, .cpu_us = 60'000};  // of very many connections
    std::vector<Micros> looks;
    std::vector<std::string> logged;
    int timed_out = 0, looked_times = 0;
    Micros takes = 3000;
    std::unique_ptr<ConnectionWatch> watch;

    World() {
        core::capture_log(
            [this](core::Level, std::string_view event, const std::string&) { logged.emplace_back(event); });
        watch = std::make_unique<ConnectionWatch>(clock, *this, *this);
    }
    ~World() override {
        watch.reset();
        core::capture_log({});
    }
    void look(std::vector<ConnectionTarget> targets, Done done) override {
        CHECK(targets == std::vector{kTarget});
        looks.push_back(clock.mono_us());
        clock.set_alarm(clock.mono_us() + takes, [this, done = std::move(done)] { done(found); });
    }
    std::vector<ConnectionTarget> connection_targets() override { return {kTarget}; }
    bool all_good() override { return good; }
    void times_out(const std::string& link, const core::IpAddress& ip) override {
        CHECK((link == "prod" && ip == kIp));
        ++timed_out;
    }
    void looked() override { ++looked_times; }
    std::size_t looks_in(Micros time) {
        const auto before = looks.size();
        clock.advance(time);
        return looks.size() - before;
    }
};

}  // namespace

TEST_CASE("connections: rarely while all is good, often while something is not", "[sim][connections]") {
    World w;
    w.clock.advance(kMinute);
    CHECK(w.looks.empty());
    w.watch->start();
    CHECK(w.looks_in(kSecond) == 1);
    CHECK(w.watch->report().known());
    CHECK(w.looks_in(10 * kMinute) == 10);
    w.clock.advance(10 * kSecond);
    w.good = false;
    w.watch->look_soon();  // a verdict has changed
    CHECK(w.looks_in(kMillisecond) == 1);
    const auto often = w.looks_in(kMinute);
    CHECK((often == 11 || often == 12));
    w.good = true;
    w.found.targets = {seen(0, 1)};  // the kernel repeats: every few seconds, whatever the probes say
    w.clock.advance(6 * kSecond);
    CHECK(w.looks_in(kMinute) >= 11);
    w.found.targets = {seen(0, 0)};
    w.clock.advance(6 * kSecond);
    CHECK(w.looks_in(10 * kMinute) == 10);
    w.watch->stop();
    CHECK(w.looks_in(kMinute) == 0);
    w.watch->look_soon();
    CHECK(w.looks_in(kMinute) == 0);
}

TEST_CASE("connections: while all is good looking takes a thousandth of a CPU at most", "[sim][connections]") {
    World w;
    w.found.cpu_us = 1000;  // as on most hosts
    w.watch->start();
    w.clock.advance(kMinute);
    const auto often = w.looks_in(10 * kMinute);
    CHECK(often >= 119);
    CHECK(often <= 120);
    w.found.cpu_us = 20 * kMillisecond;
    w.clock.advance(kMinute);
    const auto less = w.looks_in(10 * kMinute);
    CHECK(less >= 29);
    CHECK(less <= 30);
    w.found.cpu_us = kSecond;
    w.clock.advance(2 * kMinute);
    CHECK(w.looks_in(10 * kMinute) == 10);
    w.found = {.targets = {}, .error = core::Error{core::Code::kSocket, "refused", "", 13}};
    w.clock.advance(2 * kMinute);
    CHECK(w.looks_in(10 * kMinute) == 10);
}

TEST_CASE("connections: one look at a time, and looking takes a fiftieth of a CPU at most", "[sim][connections]") {
    World w;
    w.good = false;
    w.takes = w.found.cpu_us = 400 * kMillisecond;
    w.watch->start();
    for (int i = 0; i < 600; ++i) {
        w.watch->look_soon();
        w.clock.advance(100 * kMillisecond);
    }
    CHECK(w.looks.size() == 3);  // a minute: one and 20 s pause each
    w.found.cpu_us = 1000;
    w.clock.advance(kMinute);
    const auto before = w.looks.size();
    for (int i = 0; i < 600; ++i) {
        w.watch->look_soon();
        w.clock.advance(100 * kMillisecond);
    }
    CHECK(w.looks.size() - before <= 60);  // not more than one a second, however often it is asked for
}

TEST_CASE("connections: the kernel's timeouts are passed on, never those to the public gateway", "[sim][connections]") {
    World w;
    w.found.targets = {seen(2, 3)};
    w.watch->start();
    w.clock.advance(kSecond);
    CHECK(w.timed_out == 1);
    w.found.targets[0].target.bypass = true;
    w.clock.advance(6 * kSecond);
    CHECK(w.timed_out == 1);
}

TEST_CASE("connections: a failed look leaves nothing known, and is logged once", "[sim][connections]") {
    World w;
    w.watch->start();
    w.clock.advance(kSecond);
    CHECK(w.watch->report().targets.size() == 1);
    const auto good = w.found;
    w.found = {.targets = {}, .error = core::Error{core::Code::kSocket, "refused", "", 13}};
    w.clock.advance(3 * kMinute);
    CHECK_FALSE(w.watch->report().known());
    CHECK(w.watch->report().targets.empty());
    CHECK(w.logged == std::vector<std::string>{"connections_unknown"});
    w.found = good;
    w.clock.advance(kMinute);
    CHECK(w.watch->report().known());
}

TEST_CASE("connections: stuck ones are logged when they begin and end, also over a cut look", "[sim][connections]") {
    World w;
    w.watch->start();
    w.clock.advance(kSecond);
    w.good = false;
    w.found.targets = {seen(9, 9)};
    w.clock.advance(2 * kMinute);
    CHECK(w.logged == std::vector<std::string>{"connections_stuck"});
    w.found.complete = false;
    w.found.targets = {seen(0, 0)};  // not seen is not gone
    w.clock.advance(10 * kSecond);
    CHECK(w.logged.size() == 1);
    w.found.complete = true;
    w.clock.advance(10 * kSecond);
    CHECK(w.logged == std::vector<std::string>{"connections_stuck", "connections_unstuck"});
}

TEST_CASE("connections: histograms grow with every look, and end with their address", "[sim][connections]") {
    World w;
    w.watch->start();
    w.clock.advance(3 * kMinute + kSecond);
    CHECK(w.watch->report().targets[0].histograms.timeouts[0] == 4 * 12);
    w.found.targets.clear();
    w.clock.advance(kMinute);
    w.found.targets = {seen(0, 0)};
    w.clock.advance(kMinute);
    CHECK(w.watch->report().targets[0].histograms.timeouts[0] == 12);
}

TEST_CASE("connections: a look that ends after the watch is harmless", "[sim][connections]") {
    World w;
    w.watch->start();
    w.clock.advance(1);
    CHECK(w.looks.size() == 1);
    w.watch.reset();
    w.clock.advance(kSecond);
}
