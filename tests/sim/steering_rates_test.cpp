// SPDX-License-Identifier: Apache-2.0
// An address of which a part of the attempts fails, beside one that passes: what is said of it, and when it is answered.
#include "tests/sim/steering_world.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using core::kMinute;
using core::kSecond;
using probe::Reason;

namespace {

struct World : SteeringWorld {
    int attempts = 0;  // since one address fails two of three

    explicit World(double rate_below) {
        Config with = config();
        with.links[0].token.file = "token";
        with.links[0].probe.rate_below = rate_below;
        engine->configure(with);
        engine->start(false);
        clock.advance(10 * kMinute);
    }
    /// Until the first attempt failed.
    void break_it() {
        prober.set_each([this](const probe::ProbeTarget& target) {
            const bool fails = target.ip.text() == "10.0.1.1" && ++attempts % 3 != 0;
            return fails ? FakeProber::Outcome{Reason::kTcpReset} : FakeProber::Outcome{};
        });
        while (attempts == 0)
            clock.advance(kSecond);
    }
    LinkStatus look() const {
        StatusSnapshot s;
        engine->fill_status(s);
        judge(s.links[0]);
        return s.links[0];
    }
};

}  // namespace

// As long as it is answered it may fail some of a client's connections: nobody is told that all is well.
TEST_CASE("rates: two of three attempts failing for 25 s are said to be degraded, and change no answer",
          "[sim][rates]") {
    World w(0);
    w.break_it();
    int seconds = 0;
    for (; w.look().state == probe::State::kUp && seconds < 25; ++seconds)
        w.clock.advance(kSecond);
    CHECK(seconds <= 18);
    for (; seconds < 60; ++seconds) {
        w.clock.advance(kSecond);
        CHECK(w.look().state == probe::State::kDegraded);
        CHECK(w.look().addresses[0].state == probe::State::kDegraded);
        CHECK(w.answer() == "10.0.1.1 10.0.2.1");
    }
    CHECK(w.look().addresses[0].rate.failed() >= 10);
    CHECK(w.look().addresses[0].peers_rate.failed() == 0);
    CHECK(w.look().cause.find("10.0.1.1 (zone-a) fails in part: ") == 0);
}

TEST_CASE("rates: with rate_below the address leaves the answer, and is back when it passes", "[sim][rates]") {
    World w(0.7);
    w.break_it();
    w.clock.advance(kMinute);
    CHECK(w.answer() == "10.0.2.1");
    w.prober.set_each({});
    w.clock.advance(kMinute);
    CHECK(w.answer() == "10.0.1.1 10.0.2.1");
}
