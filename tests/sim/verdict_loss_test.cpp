// SPDX-License-Identifier: Apache-2.0
// Loss is no outage: three addresses of one link, at the defaults, for 24 hours at 5 %.
//   sim "loss: the table" -s           the numbers, over a month
#include <algorithm>
#include <functional>

#include "tests/sim/lossy_path.h"
#include "tests/sim/steering_world.h"

using namespace postern;
using namespace postern::test;
using core::kDay;
using core::Micros;

namespace {

constexpr int kPercent = 5;
constexpr std::size_t kAddresses = 3;

struct Day {
    std::uint64_t attempts = 0, failed = 0;
    int withdrawals = 0;
    double degraded = 0;  // share of the addresses' time
};

using Attempt = std::function<FakeProber::Outcome(core::Random& random, const probe::ProbeSpec& spec)>;

/// 5 % of the packets.
FakeProber::Outcome over_lossy_path(core::Random& random, const probe::ProbeSpec& spec) {
    return LossyPath(random, kPercent / 100.0).attempt(spec);
}

/// Harsher than any loss of packets: 5 % of the whole attempts, at the end of their time.
FakeProber::Outcome timed_out(core::Random& random, const probe::ProbeSpec& spec) {
    if (random.below(100) >= kPercent) return {};
    return {probe::Reason::kTcpTimeout, spec.connect_timeout_us};
}

/// And at once, so that an attempt that overlaps is never there to pass meanwhile.
FakeProber::Outcome refused(core::Random& random, const probe::ProbeSpec&) {
    if (random.below(100) >= kPercent) return {};
    return {probe::Reason::kTcpRefused};
}

Day a_day(std::uint64_t seed, const Attempt& attempt) {
    SteeringWorld world(seed);
    world.cloud.set({{"zone-a", "10.0.1.1"}, {"zone-b", "10.0.2.1"}, {"zone-c", "10.0.3.1"}});
    world.prober.record_starts(false);
    core::SeededRandom random(seed + 1000);
    Day day;
    world.prober.set_each([&](const probe::ProbeTarget& target) {
        const FakeProber::Outcome outcome = attempt(random, *target.spec);
        ++day.attempts;
        day.failed += outcome.reason == probe::Reason::kNone ? 0 : 1;
        return outcome;
    });
    world.engine->start(false);
    world.clock.advance(kMinute);
    std::size_t before = world.plans.back().links[0].decision.fresh.size();
    int looks = 0, degraded = 0;
    for (const Micros end = world.clock.mono_us() + kDay; world.clock.mono_us() < end; ++looks) {
        world.plans.clear();
        world.clock.advance(kMinute);
        for (const PlanInput& plan : world.plans) {
            const std::size_t now = plan.links[0].decision.fresh.size();
            if (now < before) ++day.withdrawals;
            before = now;
        }
        StatusSnapshot status;
        world.engine->fill_status(status);
        for (const auto& address : status.links[0].addresses)
            degraded += address.state == probe::State::kDegraded ? 1 : 0;
    }
    CHECK(before == kAddresses);
    day.degraded = static_cast<double>(degraded) / (static_cast<double>(kAddresses) * looks);
    world.engine->stop();
    return day;
}

struct Model {
    const char* what;
    Attempt attempt;
};
const Model kModels[] = {
    {"packets are lost", over_lossy_path}, {"attempts end in silence", timed_out}, {"attempts fail at once", refused}};

}  // namespace

TEST_CASE("loss: at 5 % no address is withdrawn, and few are degraded, in 24 hours", "[loss]") {
    for (const Model& model : kModels) {
        for (std::uint64_t seed = 1; seed <= 4; ++seed) {
            const Day day = a_day(seed, model.attempt);
            INFO(model.what << ", seed " << seed << ", attempts " << day.attempts);
            CHECK(day.attempts > kAddresses * 8640);
            CHECK(day.failed > 100);
            CHECK(day.withdrawals == 0);
            CHECK(day.degraded < 0.01);
        }
    }
}

TEST_CASE("loss: the table", "[loss][.table]") {
    constexpr int kDays = 30;
    for (const Model& model : kModels) {
        Day all;
        for (std::uint64_t seed = 1; seed <= kDays; ++seed) {
            const Day day = a_day(seed, model.attempt);
            all.attempts += day.attempts;
            all.failed += day.failed;
            all.withdrawals += day.withdrawals;
            all.degraded += day.degraded / kDays;
        }
        WARN("5 %: " << model.what << ": of " << all.attempts << " attempts " << all.failed << " failed, withdrawn "
                     << all.withdrawals << " times in " << kDays << " days, degraded " << 100 * all.degraded
                     << " % of the time");
    }
}
