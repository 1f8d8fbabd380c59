// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/poll_pace.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::agent;
using core::kHour;
using core::kMinute;
using core::kSecond;
using core::Micros;

namespace {

/// The shortest and the longest of many draws.
template <class Draw>
std::pair<Micros, Micros> range(Draw draw) {
    Micros least = core::kNever, most = 0;
    for (int i = 0; i < 2000; ++i) {
        const Micros one = draw();
        least = std::min(least, one);
        most = std::max(most, one);
    }
    return {least, most};
}

/// That all draws are within these, and come near both ends.
void check_range(std::pair<Micros, Micros> seen, Micros least, Micros most) {
    const Micros near = (most - least) / 20;
    CHECK(seen.first >= least);
    CHECK(seen.first <= least + near);
    CHECK(seen.second <= most);
    CHECK(seen.second >= most - near);
}

struct Bench {
    core::SeededRandom random{11};
    PollPace pace{random};
};

}  // namespace

TEST_CASE("poll pace: the configured interval, give or take a tenth, for an hour after a change", "[poll_pace]") {
    Bench b;
    b.pace.configure(kMinute, 5 * kMinute);
    for (const Micros quiet : {Micros{0}, kMinute, kHour, -kHour})
        check_range(range([&] { return b.pace.after_quiet(quiet); }), kMinute * 9 / 10, kMinute * 11 / 10);
}

TEST_CASE("poll pace: the longer nothing changes, the longer, up to the configured longest", "[poll_pace]") {
    Bench b;
    b.pace.configure(kMinute, 5 * kMinute);
    const auto whole = [&](Micros quiet) { return range([&] { return b.pace.after_quiet(quiet); }).second; };
    CHECK(whole(2 * kHour) > whole(kHour));
    CHECK(whole(3 * kHour) > whole(2 * kHour));
    check_range(range([&] { return b.pace.after_quiet(2 * kHour); }), 2 * kMinute * 9 / 10, 2 * kMinute * 11 / 10);
    for (const Micros quiet : {6 * kHour, 1000 * 24 * kHour, core::kNever - 1})
        check_range(range([&] { return b.pace.after_quiet(quiet); }), 5 * kMinute * 9 / 10, 5 * kMinute * 11 / 10);
    b.pace.configure(kMinute, kSecond);  // a longest below the interval is none
    CHECK(b.pace.longest() == kMinute);
    check_range(range([&] { return b.pace.after_quiet(100 * kHour); }), kMinute * 9 / 10, kMinute * 11 / 10);
}

TEST_CASE("poll pace: each refusal doubles, up to half an hour; each answer eases", "[poll_pace]") {
    Bench b;
    b.pace.configure(kMinute, 5 * kMinute);
    const auto shortest = [&] { return range([&] { return b.pace.after_quiet(0); }).first; };
    Micros before = shortest();
    for (int i = 0; i < 4; ++i) {
        b.pace.refused();
        const Micros now = shortest();
        CHECK(now > before * 19 / 10);
        before = now;
    }
    for (int i = 0; i < 100; ++i)
        b.pace.refused();
    check_range(range([&] { return b.pace.after_quiet(0); }), 30 * kMinute * 9 / 10, 30 * kMinute * 11 / 10);
    int answers = 0;
    for (; answers < 1000 && shortest() > kMinute * 95 / 100; ++answers)
        b.pace.answered();
    CHECK(answers > 20);
    CHECK(answers < 200);
    b.pace.configure(kHour, kHour);  // longer by configuration than any stretch
    b.pace.refused();
    check_range(range([&] { return b.pace.after_quiet(0); }), kHour * 9 / 10, kHour * 11 / 10);
}

TEST_CASE("poll pace: after a refusal or a pause for everyone, nobody comes before it is over nor all at once",
          "[poll_pace]") {
    Bench b;
    b.pace.configure(kMinute, 5 * kMinute);
    check_range(range([&] { return b.pace.after_refusal(10 * kSecond); }), 10 * kSecond, 70 * kSecond);
    b.pace.refused();
    check_range(range([&] { return b.pace.after_refusal(10 * kSecond); }), 10 * kSecond, 130 * kSecond);
    for (int i = 0; i < 100; ++i)
        b.pace.refused();
    CHECK(range([&] { return b.pace.after_refusal(0); }).second <= 30 * kMinute);
    check_range(range([&] { return b.pace.after_pause(20 * kSecond); }), 20 * kSecond, 35 * kSecond);
}

TEST_CASE("poll pace: never before a TTL is over, little after it", "[poll_pace]") {
    Bench b;
    check_range(range([&] { return b.pace.after_ttl(100 * kSecond); }), 100 * kSecond, 110 * kSecond);
    CHECK(b.pace.after_ttl(0) == 0);
    CHECK(b.pace.after_ttl(1) == 1);
}

TEST_CASE("poll pace: doubts are spread over half a minute, over more while the API refuses us", "[poll_pace]") {
    Bench b;
    check_range(range([&] { return b.pace.suspicion(); }), 0, 30 * kSecond);
    b.pace.refused();
    check_range(range([&] { return b.pace.suspicion(); }), 0, kMinute);
}

TEST_CASE("poll pace: the longest interval that can be configured overflows nothing", "[poll_pace]") {
    Bench b;
    const Micros century = 100 * 366 * 24 * kHour;
    b.pace.configure(century, century);
    for (int i = 0; i < 10; ++i)
        b.pace.refused();
    check_range(range([&] { return b.pace.after_quiet(century); }), century / 10 * 9, century / 10 * 11);
    CHECK(range([&] { return b.pace.after_refusal(century); }).first >= century);
    CHECK(range([&] { return b.pace.after_ttl(std::int64_t{0xffffffff} * kSecond); }).first >= 0xffffffffLL * kSecond);
}
