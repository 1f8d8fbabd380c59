// SPDX-License-Identifier: Apache-2.0
// How long until an address that fails is judged, at the defaults and over all phases of its grid: from the fault, and from
// the first attempt that meets it; the difference is the wait for that attempt.
//   sim "detection: *" -s              the table of the README
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "agent/connections/connection_watch.h"
#include "agent/k8s/corefile.h"
#include "core/random.h"
#include "probe/scheduler.h"
#include "probe/verdict.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/fake_prober.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;
using core::kMillisecond;
using core::kSecond;
using core::Micros;

namespace {

constexpr int kPhases = 400;  // of the grid at which the fault comes

constexpr Micros kRepeated = 300 * kMillisecond;  // the kernel's first timeout on a fast network, at most

struct Fault {
    const char* what;
    test::FakeProber::Outcome outcome;
    Micros worst_from_fault, worst_from_attempt;
    bool applications_send = false;  // and what they send gets no acknowledgement
    Micros interval = VerdictRule{}.interval_us;
};

/// One address that fails at some time after it has been up for a while.
class Outage {
  public:
    Outage(int phase, Micros interval) : phase_(phase), random_(static_cast<std::uint64_t>(phase)) {
        rule_.interval_us = interval;
        const std::vector<ScheduledTarget> targets{
            {{"link", core::IpAddress::v4(0x0a000000u + static_cast<std::uint32_t>(phase)), "", "", spec_}, rule_}};
        book_.set_targets(targets);
        scheduler_.set_targets(targets);
        target_ = targets[0].target;
        clock_.advance(25 * kSecond + rule_.interval_us * phase / kPhases);
    }

    void live(const Fault& fault) {
        began_ = clock_.mono_us();
        prober_.set_default(fault.outcome);
        // The looks at the connections have a phase of their own.
        const Micros first_look = agent::ConnectionWatch::kOften * ((phase_ * 7919) % kPhases) / kPhases;
        if (fault.applications_send) looks_.start_in(first_look, [this] { look(); });
        clock_.advance(40 * kSecond);
    }

    Micros from_fault() const { return down_ - began_; }
    Micros from_attempt() const { return down_ - first_; }
    int observations() const { return observations_; }
    std::size_t most_at_once() const { return prober_.most_running(); }

  private:
    void look() {
        if (clock_.mono_us() - began_ >= kRepeated && down_ == 0) scheduler_.hasten(target_.link, target_.ip);
        looks_.start_in(agent::ConnectionWatch::kOften, [this] { look(); });
    }
    Pace fold(const ProbeResult& result) {
        const Fold fold = book_.fold(result);
        if (began_ != 0 && down_ == 0 && !result.ok) {
            ++observations_;
            const Micros started = clock_.mono_us() - result.total_us;
            first_ = first_ == 0 ? started : std::min(first_, started);
        }
        const bool down = fold.after.path == State::kDown || fold.after.service == State::kDown;
        if (began_ != 0 && down_ == 0 && down) down_ = clock_.mono_us();
        return fold.pace;
    }

    int phase_;
    test::FakeClock clock_;
    core::SeededRandom random_;
    test::FakeProber prober_{clock_};
    VerdictBook book_{clock_};
    std::shared_ptr<ProbeSpec> spec_ = std::make_shared<ProbeSpec>();
    VerdictRule rule_;
    Micros began_ = 0, first_ = 0, down_ = 0;
    int observations_ = 0;
    ProbeTarget target_;
    core::Timer looks_{clock_};
    Scheduler scheduler_{clock_, random_, prober_, [this](const ProbeResult& r) { return fold(r); }};
};

std::string span(std::vector<Micros> times) {
    std::sort(times.begin(), times.end());
    const double mean =
        static_cast<double>(std::accumulate(times.begin(), times.end(), Micros{0})) / static_cast<double>(times.size());
    return fmt::format("{:.1f} / {:.1f} / {:.1f} s", static_cast<double>(times.front()) / 1e6, mean / 1e6,
                       static_cast<double>(times.back()) / 1e6);
}

}  // namespace

TEST_CASE("detection: every fault is judged in time, by `fall` attempts, of which two at most at once", "[detection]") {
    const ProbeSpec spec;
    const Micros within = kMillisecond, silent = spec.connect_timeout_us, hanging = spec.timeout_us;
    const Fault faults[] = {
        {"the process ends: refused or reset",
         {Reason::kTcpRefused, within},
         12'400 * kMillisecond,
         2'100 * kMillisecond},
        {"packets are dropped", {Reason::kTcpTimeout, silent}, 13'600 * kMillisecond, 3'400 * kMillisecond},
        {"the same, while applications send",
         {Reason::kTcpTimeout, silent},
         8'800 * kMillisecond,
         3'400 * kMillisecond,
         true},
        {"the gateway hangs", {Reason::kTlsTimeout, hanging}, 16'500 * kMillisecond, 6'200 * kMillisecond},
        {"the same at an interval of 2500ms",
         {Reason::kTlsTimeout, hanging},
         9'000 * kMillisecond,
         6'200 * kMillisecond,
         false,
         2'500 * kMillisecond},
        {"the service answers an error", {Reason::kHttpStatus5xx, within}, 12'400 * kMillisecond, 2'100 * kMillisecond},
    };
    std::string table;
    for (const Fault& fault : faults) {
        std::vector<Micros> from_fault, from_attempt;
        for (int phase = 0; phase < kPhases; ++phase) {
            Outage outage(phase, fault.interval);
            outage.live(fault);
            INFO(fault.what << ", phase " << phase);
            REQUIRE(outage.from_fault() > 0);
            CHECK(outage.observations() == VerdictRule{}.fall);
            CHECK(outage.most_at_once() <= 2);
            from_fault.push_back(outage.from_fault());
            from_attempt.push_back(outage.from_attempt());
        }
        CHECK(*std::max_element(from_fault.begin(), from_fault.end()) <= fault.worst_from_fault);
        CHECK(*std::max_element(from_attempt.begin(), from_attempt.end()) <= fault.worst_from_attempt);
        table += fmt::format("\n| {} | {} | {} |", fault.what, span(from_fault), span(from_attempt));
    }
    WARN("best / mean / worst, from the fault and from the first attempt that meets it" << table);
}

TEST_CASE("detection: a pod's lookup leaves a dead zone within 15 s, at the defaults", "[detection]") {
    constexpr Micros kThroughPlan = 200 * kMillisecond;  // from a verdict to the resolver's answer
    const Fault dead{"packets are dropped", {Reason::kTcpTimeout, ProbeSpec{}.connect_timeout_us}, 0, 0};
    for (int phase = 0; phase < kPhases; ++phase) {
        Outage outage(phase, dead.interval);
        outage.live(dead);
        INFO("phase " << phase);
        REQUIRE(outage.from_fault() > 0);
        CHECK(outage.from_fault() + kThroughPlan + agent::k8s::kCacheS * kSecond <= 15 * kSecond);
    }
}
