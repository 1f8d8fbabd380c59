// SPDX-License-Identifier: Apache-2.0
// Comparing with a public gateway, hours of it on a fake clock: how often, when at once, what it finds, and
// that it changes nothing else.
#include <set>

#include "agent/steering/comparison.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/fake_prober.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kHour;
using core::kMinute;
using core::kSecond;
using core::Micros;
using probe::Reason;

namespace {

const auto kPublic = *core::IpAddress::parse("203.0.113.10");
const auto kPrivate = *core::IpAddress::parse("10.0.1.1");

/// Comparisons of one link between a scripted lookup and scripted probes.
struct Bench : Lookup {
    test::FakeClock clock;
    core::SeededRandom random{7};
    test::FakeProber prober{clock};
    core::Result<LookupResult> found = LookupResult{{kPublic}, 60, false, false, {}};
    int lookups = 0;
    std::vector<std::string> logged;
    std::unique_ptr<Comparisons> all;

    Bench() {
        core::capture_log([this](core::Level, std::string_view event, const std::string& line) {
            if (event == "comparison_changed") logged.push_back(line);
        });
        all = std::make_unique<Comparisons>(clock, random, prober, *this);
        all->configure({settings()});
        all->start();
    }
    ~Bench() override {
        all.reset();
        core::capture_log({});
    }
    void resolve(const std::string& host, Callback done) override {
        CHECK(host == "gw.example.com");
        ++lookups;
        clock.set_alarm(clock.mono_us() + 5000, [this, done = std::move(done)] { done(found); });
    }

    static CompareSettings settings() {
        auto spec = std::make_shared<probe::ProbeSpec>();
        spec->host = "private.example.com";
        spec->port = 8443;
        spec->ws = true;
        return {"prod", "gw.example.com", 443, 10 * kMinute, std::move(spec)};
    }
    void turn(PrivateView view) { all->set_private("prod", view, {kPrivate}); }
    void private_total(Micros total) {
        probe::ProbeResult r;
        r.link = "prod";
        r.ok = true;
        r.total_us = total;
        all->add_private(r);
    }
    const CompareStatus& status() const { return *all->find("prod"); }
};

}  // namespace

TEST_CASE("compare: rarely, with jitter, for hours; and nothing before the private side is known", "[sim][compare]") {
    Bench b;
    b.clock.advance(kHour);
    CHECK(b.prober.count() == 0);
    b.turn(PrivateView::kWorks);
    b.clock.advance(kSecond);
    CHECK(b.prober.count() == 1);
    b.clock.advance(10 * kHour);
    CHECK(b.prober.count() >= 55);
    CHECK(b.prober.count() <= 67);
    std::set<Micros> gaps;
    for (std::size_t i = 1; i < b.prober.starts().size(); ++i) {
        const Micros gap = b.prober.starts()[i].at - b.prober.starts()[i - 1].at;
        CHECK(gap >= 9 * kMinute - kSecond);
        CHECK(gap <= 11 * kMinute + kSecond);
        gaps.insert(gap);
        CHECK(b.prober.starts()[i].ip == kPublic);
    }
    CHECK(gaps.size() > 20);
    CHECK(b.status().attempts == b.prober.count());
    CHECK(b.status().failures == 0);
    CHECK(b.status().finding == Comparison::kBothWork);
}

TEST_CASE("compare: at once when the private path turns down, and never two within a minute", "[sim][compare]") {
    Bench b;
    b.turn(PrivateView::kWorks);
    b.clock.advance(5 * kMinute);
    REQUIRE(b.prober.count() == 1);
    b.turn(PrivateView::kPathDown);
    CHECK(b.status().finding == Comparison::kUnknown);  // not what was seen before
    b.clock.advance(kSecond);
    CHECK(b.prober.count() == 2);
    CHECK(b.status().finding == Comparison::kPrivatelinkBroken);
    for (int i = 0; i < 50; ++i) {  // flapping
        b.turn(i % 2 == 0 ? PrivateView::kWorks : PrivateView::kPathDown);
        b.clock.advance(kSecond);
    }
    CHECK(b.prober.count() == 2);
    b.clock.advance(20 * kSecond);
    CHECK(b.prober.count() == 3);
    CHECK(b.status().finding == Comparison::kPrivatelinkBroken);
}

TEST_CASE("compare: a service that is down both ways is not PrivateLink's fault, and its end is seen",
          "[sim][compare]") {
    Bench b;
    b.turn(PrivateView::kWorks);
    b.clock.advance(2 * kMinute);
    b.prober.set(kPublic, {Reason::kSqlUnavailable});
    b.turn(PrivateView::kServiceDown);
    b.clock.advance(kSecond);
    CHECK(b.status().finding == Comparison::kServiceDown);
    CHECK(b.status().failures == 1);
    b.prober.clear();
    b.clock.advance(2 * kMinute);
    b.turn(PrivateView::kWorks);
    CHECK(b.status().finding == Comparison::kUnknown);
    b.clock.advance(kSecond);
    CHECK(b.status().finding == Comparison::kBothWork);
    CHECK(b.logged.size() == 3);  // works, down, works
}

TEST_CASE("compare: a lookup that fails or leads to the private address is reported, and nothing is sent",
          "[sim][compare]") {
    Bench b;
    b.found = core::fail(core::Error{core::Code::kDnsFailed, "gw.example.com does not exist", "", 0});
    b.turn(PrivateView::kWorks);
    b.clock.advance(kSecond);
    CHECK(b.lookups == 1);
    CHECK(b.prober.count() == 0);
    CHECK(b.status().failures == 1);
    CHECK(b.status().text.find("does not exist") != std::string::npos);
    b.found = LookupResult{{kPrivate}, 60, false, false, {}};
    b.clock.advance(11 * kMinute);
    CHECK(b.lookups == 2);
    CHECK(b.prober.count() == 0);
    CHECK(b.status().text.find("private addresses") != std::string::npos);
    b.found = LookupResult{{kPrivate, kPublic}, 60, false, false, {}};
    b.clock.advance(11 * kMinute);
    REQUIRE(b.prober.count() == 1);
    CHECK(b.prober.starts()[0].ip == kPublic);
    CHECK_FALSE(b.status().lookup_error);
}

TEST_CASE("compare: the gain is that of medians, over the last good ones", "[sim][compare]") {
    Bench b;
    b.prober.set(kPublic, {Reason::kNone, 20 * core::kMillisecond});
    for (const Micros total : {2000, 90000, 3000, 2500, 2900})
        b.private_total(total);
    b.turn(PrivateView::kWorks);
    b.clock.advance(kSecond);
    CHECK(b.status().private_median_us == 2900);
    CHECK(b.status().public_median_us == 20000);
    for (int i = 0; i < 64; ++i)
        b.private_total(4000);
    CHECK(b.status().private_median_us == 4000);
    CHECK(b.status().text.find("saves 16.0 ms") != std::string::npos);
}

TEST_CASE("compare: reloads keep what is known, stopping and removing cancel what is under way", "[sim][compare]") {
    Bench b;
    b.turn(PrivateView::kWorks);
    b.clock.advance(kSecond);
    auto changed = Bench::settings();
    changed.interval_us = kHour;
    b.all->configure({changed});
    CHECK(b.status().attempts == 1);
    CHECK(b.status().interval_us == kHour);
    changed.host = "gw.example.com";
    changed.port = 8443;
    b.all->configure({changed});
    CHECK(b.status().attempts == 0);
    b.turn(PrivateView::kWorks);  // a lookup is under way
    b.all->configure({});
    CHECK(b.all->find("prod") == nullptr);
    b.clock.advance(kHour);
    CHECK(b.prober.count() == 1);
    b.all->configure({Bench::settings()});
    b.prober.set(kPublic, {Reason::kTcpTimeout, 3 * kSecond, true});
    b.turn(PrivateView::kPathDown);
    b.clock.advance(100 * core::kMillisecond);
    CHECK(b.prober.running() == 1);
    b.all->stop();
    CHECK(b.prober.running() == 0);
    b.clock.advance(10 * kHour);
    CHECK(b.prober.count() == 2);
}
