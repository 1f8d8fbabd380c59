// SPDX-License-Identifier: Apache-2.0
// When lost connections are asked to be ended, on a fake clock.
#include <algorithm>

#include "agent/freeing/freer.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kSecond;

namespace {

ConnectionTarget target(const char* ip) {
    return {"prod", {*core::IpAddress::parse(ip), 443}, false};
}
const ConnectionTarget kDead = target("10.0.1.23"), kDrained = target("10.0.2.9"), kGood = target("10.0.3.4");

struct World : FreeAsker, Freer::Outside {
    test::FakeClock clock;
    std::vector<FreeTarget> asked{{kDead, false}, {kDrained, true}};
    ConnectionReport report;
    std::vector<std::string> requests, logged;
    FreeReply reply{FreeRefusal::kNone, 9, 0};
    int looks_wanted = 0;
    std::unique_ptr<Freer> freer;

    World() {
        core::capture_log(
            [this](core::Level, std::string_view event, const std::string&) { logged.emplace_back(event); });
        freer = std::make_unique<Freer>(clock, *this, *this);
        report.looked_wall_us = 1;
        for (const auto& t : {kDead, kDrained, kGood}) {
            TargetConnections seen{t, {}, {}, 0, {}};
            seen.all.states[1] = 12;
            report.targets.push_back(seen);
        }
    }
    ~World() override {
        freer.reset();
        core::capture_log({});
    }
    ConnectionCounts& counts(std::size_t i) { return report.targets[i].all; }
    void ask(FreeRequest request, Done done) override {
        requests.push_back(request.address.ip.text());
        clock.set_alarm(clock.mono_us() + 1000, [this, done = std::move(done)] { done(reply); });
    }
    std::vector<FreeTarget> to_free() override { return asked; }
    void look_soon() override { ++looks_wanted; }
    std::vector<std::string> after_a_look(core::Micros time = core::kSecond / 2) {
        requests.clear();
        freer->looked(report);
        clock.advance(time);
        return requests;
    }
};

}  // namespace

TEST_CASE("freeing: stuck ones of a withdrawn address are asked to be ended; others never", "[sim][freeing]") {
    World w;
    CHECK(w.after_a_look().empty());
    w.counts(2).stuck = 12;  // the owner does not ask for that address
    w.counts(0).idle = 12;   // idle ones only where it was drained
    CHECK(w.after_a_look().empty());
    w.counts(0).stuck = 9;
    CHECK(w.after_a_look() == std::vector<std::string>{"10.0.1.23"});
    CHECK(w.freer->freed(kDead) == 9);
    CHECK(w.freer->freed(kGood) == 0);
    CHECK(w.looks_wanted == 1);
    CHECK(w.logged == std::vector<std::string>{"connections_freed"});
    w.counts(1).idle = 1;
    CHECK(w.after_a_look() == std::vector<std::string>{"10.0.1.23", "10.0.2.9"});
    CHECK(w.freer->freed(kDead) == 18);
    w.asked.clear();
    CHECK(w.after_a_look().empty());
}

TEST_CASE("freeing: what is about to be stuck is looked at again soon, unless nothing can be ended", "[sim][freeing]") {
    World w;
    w.counts(2).timing_out = 3;  // to an answered address: the watch's own pace
    w.after_a_look();
    CHECK(w.looks_wanted == 0);
    w.counts(0).timing_out = 3;
    CHECK(w.after_a_look().empty());
    CHECK(w.looks_wanted == 1);
    w.counts(0).stuck = 3;
    w.reply = {FreeRefusal::kNoRight, 0, 3};
    w.after_a_look();
    const int before = w.looks_wanted;
    w.after_a_look();
    CHECK(w.looks_wanted == before);
}

TEST_CASE("freeing: over the limit of a second it is asked again every second", "[sim][freeing]") {
    World w;
    w.counts(0).stuck = 500;
    w.reply = {FreeRefusal::kNone, 200, 300};
    CHECK(w.after_a_look(3 * kSecond + kSecond / 2).size() == 4);
    w.reply = {FreeRefusal::kNone, 0, 0};
    w.clock.advance(kSecond);
    const auto before = w.requests.size();
    w.clock.advance(10 * kSecond);
    CHECK(w.requests.size() == before);
    w.reply = {FreeRefusal::kNone, 200, 300};
    w.after_a_look();
    w.freer->stop();
    const auto stopped = w.requests.size();
    w.clock.advance(10 * kSecond);
    CHECK(w.requests.size() == stopped);
}

TEST_CASE("freeing: what prevents it is told once, shown, and over when it works", "[sim][freeing]") {
    World w;
    w.counts(0).stuck = 9;
    w.reply = {FreeRefusal::kUnsupported, 0, 9};
    w.after_a_look(10 * kSecond);
    CHECK(w.requests.size() == 1);  // the next look asks again
    w.after_a_look();
    CHECK(w.freer->problem() == FreeRefusal::kUnsupported);
    CHECK(w.logged == std::vector<std::string>{"connections_not_freed"});
    w.reply = {FreeRefusal::kAnswered, 0, 0};  // the verdict has changed meanwhile
    w.after_a_look();
    CHECK(w.freer->problem() == FreeRefusal::kNone);
    w.reply = {FreeRefusal::kUnreachable, 0, 0};
    w.after_a_look();
    CHECK(w.freer->problem() == FreeRefusal::kUnreachable);
    w.asked.clear();
    w.after_a_look();
    CHECK(w.freer->problem() == FreeRefusal::kNone);  // nobody asks for it any more
}

TEST_CASE("freeing: a look that failed asks for nothing and forgets nothing", "[sim][freeing]") {
    World w;
    w.counts(0).stuck = 9;
    w.after_a_look();
    ConnectionReport failed;
    failed.looked_wall_us = 2;
    failed.error = core::Error{core::Code::kSocket, "no list", "", 0};
    std::swap(w.report, failed);
    CHECK(w.after_a_look().empty());
    CHECK(w.freer->freed(kDead) == 9);
    std::swap(w.report, failed);
    w.report.targets.erase(w.report.targets.begin());
    w.after_a_look();
    CHECK(w.freer->freed(kDead) == 0);  // that address is gone
}
