// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/poll_pace.h"

#include <algorithm>

#include "tests/unit/catch.h"

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

TEST_CASE("poll pace: the configured interval, give or take a tenth, for two minutes after a change", "[poll_pace]") {
    Bench b;
    b.pace.configure(kMinute, 5 * kMinute);
    for (const Micros quiet : {Micros{0}, kMinute, 2 * kMinute, -kHour})
        check_range(range([&] { return b.pace.after_quiet(quiet); }), kMinute * 9 / 10, kMinute * 11 / 10);
}

TEST_CASE("poll pace: the longer nothing changes, the longer, up to the configured longest", "[poll_pace]") {
    Bench b;
    b.pace.configure(kMinute, 5 * kMinute);
    const auto whole = [&](Micros quiet) { return range([&] { return b.pace.after_quiet(quiet); }).second; };
    CHECK(whole(4 * kMinute) > whole(2 * kMinute));
    CHECK(whole(8 * kMinute) > whole(4 * kMinute));
    check_range(range([&] { return b.pace.after_quiet(4 * kMinute); }), 2 * kMinute * 9 / 10, 2 * kMinute * 11 / 10);
    for (const Micros quiet : {6 * kHour, 1000 * 24 * kHour, core::kNever - 1})
        check_range(range([&] { return b.pace.after_quiet(quiet); }), 5 * kMinute * 9 / 11, 5 * kMinute);
    b.pace.configure(kMinute, kSecond);  // a longest below the interval is none
    CHECK(b.pace.longest() == kMinute);
    check_range(range([&] { return b.pace.after_quiet(100 * kHour); }), kMinute * 9 / 11, kMinute);
}

TEST_CASE("poll pace: after a refusal or a pause for everyone, nobody comes before it is over nor all at once",
          "[poll_pace]") {
    Bench b;
    b.pace.configure(kMinute, 5 * kMinute);
    const auto after = [&](Micros pause) { return range([&] { return b.pace.after_refusal(pause); }); };
    check_range(after(10 * kSecond), 40 * kSecond, 70 * kSecond);
    b.pace.refused();
    check_range(after(10 * kSecond), 40 * kSecond, 130 * kSecond);
    for (int i = 0; i < 100; ++i)
        b.pace.refused();
    check_range(after(0), 30 * kSecond, 5 * kMinute);  // never more than the longest
    int answers = 0;
    for (; answers < 1000 && after(0).second > kMinute; ++answers)
        b.pace.answered();
    CHECK(answers <= 4);
    check_range(range([&] { return b.pace.after_pause(20 * kSecond); }), 20 * kSecond, 35 * kSecond);
    // Whoever was refused is slow with regular polls, too, until enough answers have come.
    b.pace.refused();
    check_range(range([&] { return b.pace.after_quiet(0); }), 5 * kMinute * 9 / 11, 5 * kMinute);
    b.pace.answered();
    check_range(range([&] { return b.pace.after_quiet(0); }), kMinute * 9 / 10, kMinute * 11 / 10);
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
    check_range(range([&] { return b.pace.after_quiet(century); }), century / 11 * 9, century);
    CHECK(range([&] { return b.pace.after_refusal(century); }).first >= century);
    CHECK(range([&] { return b.pace.after_ttl(std::int64_t{0xffffffff} * kSecond); }).first >= 0xffffffffLL * kSecond);
}
