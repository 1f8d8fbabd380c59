// SPDX-License-Identifier: Apache-2.0
// Which drains are in force: bounds, replacing, ends, and what a restart makes of the saved ones.
#include "agent/steering/drains.h"

#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kDay;
using core::kHour;
using core::kMinute;
using core::kSecond;

namespace {

DrainTarget target(const char* text) {
    const auto parsed = DrainTarget::parse(text);
    REQUIRE(parsed);
    return *parsed;
}

EndpointAddress at(const char* ip, const char* zone) {
    return {*core::IpAddress::parse(ip), zone, "ep-1"};
}

}  // namespace

TEST_CASE("drains: a target is an address or a zone", "[drains]") {
    CHECK(target("10.0.1.1").covers(at("10.0.1.1", "cn-hangzhou-h")));
    CHECK_FALSE(target("10.0.1.1").covers(at("10.0.1.2", "cn-hangzhou-h")));
    CHECK(target("fd00::1").covers(at("fd00::1", "")));
    CHECK(target("cn-hangzhou-h").covers(at("10.0.1.2", "cn-hangzhou-h")));
    CHECK_FALSE(target("cn-hangzhou-h").covers(at("10.0.1.2", "")));
    CHECK(target("fd00:0::1").text() == "fd00::1");
    for (const char* wrong :
         {"", "h", "10.0.1", "10.0.1.1:443", "10.0.1.0/24", "CN-HANGZHOU-H", "cn-hangzhou-h\n", "status"}) {
        const auto parsed = DrainTarget::parse(wrong);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == core::Code::kUsage);
    }
}

TEST_CASE("drains: a minute to three days, with one line of reason, a bounded number of them", "[drains]") {
    test::FakeClock clock;
    Drains drains(clock);
    CHECK(drains.add(target("10.0.1.1"), kMinute, ""));
    CHECK(drains.add(target("10.0.1.1"), 3 * kDay, std::string(kMaxDrainReason, 'x')));
    CHECK_FALSE(drains.add(target("10.0.1.1"), kMinute - 1, ""));
    CHECK_FALSE(drains.add(target("10.0.1.1"), 3 * kDay + 1, ""));
    CHECK_FALSE(drains.add(target("10.0.1.1"), -kHour, ""));
    CHECK_FALSE(drains.add(target("10.0.1.1"), kHour, std::string(kMaxDrainReason + 1, 'x')));
    for (const char* wrong : {"two\nlines", "\x1b[31m", "\xff", "\xe2\x80\xae"})
        CHECK_FALSE(drains.add(target("10.0.1.1"), kHour, wrong));
    CHECK(drains.list().size() == 1);
    for (std::size_t i = 1; i < kMaxDrains; ++i)
        CHECK(drains.add(target(("10.0.2." + std::to_string(i)).c_str()), kHour, ""));
    const auto one_more = drains.add(target("10.0.3.1"), kHour, "");
    REQUIRE_FALSE(one_more);
    CHECK(one_more.error().what == "there are 32 drains already");
    CHECK(drains.add(target("10.0.2.1"), kHour, ""));  // one that is there may be replaced
    CHECK(drains.list().size() == kMaxDrains);
}

TEST_CASE("drains: a drain ends by itself, and another one of the same target replaces it", "[drains]") {
    test::FakeClock clock;
    Drains drains(clock);
    REQUIRE(drains.add(target("cn-hangzhou-h"), kHour, "first"));
    REQUIRE(drains.add(target("10.0.2.1"), 2 * kHour, ""));
    CHECK(drains.next_end_mono_us() == clock.mono_us() + kHour);
    clock.advance(30 * kMinute);
    REQUIRE(drains.add(target("cn-hangzhou-h"), 3 * kHour, "longer"));
    CHECK(drains.list()[0].until_wall_us == clock.wall_us() + 3 * kHour);
    CHECK(drains.list()[0].reason == "longer");
    clock.advance(90 * kMinute - 1);
    CHECK(drains.take_ended().empty());
    clock.advance(1);
    const auto ended = drains.take_ended();
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].target.text() == "10.0.2.1");
    CHECK(drains.covers(at("10.0.1.1", "cn-hangzhou-h")));
    CHECK_FALSE(drains.covers(at("10.0.2.1", "cn-hangzhou-i")));
    CHECK(drains.remove(target("cn-hangzhou-h")));
    CHECK_FALSE(drains.remove(target("cn-hangzhou-h")));
    CHECK_FALSE(drains.next_end_mono_us());
}

TEST_CASE("drains: a step of the wall clock neither ends nor prolongs one", "[drains]") {
    for (const core::Micros step : {8 * kHour, -8 * kHour}) {
        test::FakeClock clock;
        Drains drains(clock);
        REQUIRE(drains.add(target("10.0.1.1"), kHour, ""));
        clock.jump_wall(step);
        CHECK(drains.list()[0].until_wall_us == clock.wall_us() + kHour);
        clock.advance(kHour - kSecond);
        CHECK(drains.take_ended().empty());
        clock.advance(kSecond);
        CHECK(drains.take_ended().size() == 1);
    }
}

TEST_CASE("drains: after a restart a saved one has what is left of its time, never more than it was given",
          "[drains]") {
    test::FakeClock before;
    Drains old(before);
    REQUIRE(old.add(target("cn-hangzhou-h"), kHour, "why"));
    REQUIRE(old.add(target("10.0.2.1"), 10 * kMinute, ""));
    const auto saved = old.list();
    struct Row {
        core::Micros later;  // by the wall clock
        core::Micros left;   // of the zone's
        std::size_t ended;
    };
    for (const Row& row : {Row{5 * kMinute, 55 * kMinute, 0}, Row{20 * kMinute, 40 * kMinute, 1}, Row{2 * kHour, 0, 2},
                           Row{-8 * kHour, kHour, 0}, Row{-20000 * kDay, kHour, 0}}) {
        test::FakeClock clock(kMinute, before.wall_us() + row.later);  // a reboot: another monotonic clock
        Drains drains(clock);
        CHECK(drains.restore(saved).size() == row.ended);
        CHECK(drains.list().size() == 2 - row.ended);
        if (row.left > 0) CHECK(drains.list()[0].until_wall_us == clock.wall_us() + row.left);
        if (row.left > 0) CHECK(drains.list()[0].reason == "why");
    }
}

TEST_CASE("drains: what is saved twice or too long is not taken", "[drains]") {
    test::FakeClock clock;
    Drains drains(clock);
    const core::Micros now = clock.wall_us();
    std::vector<Drain> saved{{target("10.0.1.1"), now, now + kHour, "one"},
                             {target("10.0.1.1"), now, now + 2 * kHour, "two"},
                             {target("10.0.2.1"), now - kDay, now + 4 * kDay, ""}};
    for (int i = 0; i < 50; ++i)
        saved.push_back({target(("10.0.3." + std::to_string(i)).c_str()), now, now + kHour, ""});
    CHECK(drains.restore(saved).empty());
    CHECK(drains.list().size() == kMaxDrains);
    CHECK(drains.list()[0].reason == "two");
    CHECK_FALSE(drains.covers(at("10.0.2.1", "")));
}
