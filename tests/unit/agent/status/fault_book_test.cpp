// SPDX-License-Identifier: Apache-2.0
#include "agent/status/fault_book.h"

#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kSecond;

namespace {

struct Desk {
    test::FakeClock clock;
    FaultBook book;
    std::vector<std::string> told;  // "+CODE" raised, "-CODE" cleared

    /// The codes that are visible, of these conditions.
    std::vector<std::string> look(std::vector<Fault> conditions) {
        book.settle(conditions, clock.mono_us());
        const auto news = book.note(conditions, clock.wall_us());
        for (const Fault& f : news.raised)
            told.push_back("+" + f.code + f.link);
        for (const Fault& f : news.cleared)
            told.push_back("-" + f.code + f.link);
        last = conditions;
        std::vector<std::string> out;
        for (const Fault& f : conditions)
            out.push_back(f.code);
        return out;
    }
    std::vector<Fault> last;
};

using Codes = std::vector<std::string>;
const Fault kSilent = make_fault("PN-UPSTREAM-SILENT");

}  // namespace

TEST_CASE("fault book: a blip makes no noise, and a second one does not add to it", "[faults]") {
    Desk d;
    for (int i = 0; i < 3; ++i) {
        CHECK(d.look({kSilent}).empty());
        d.clock.advance(9 * kSecond);
        CHECK(d.look({kSilent}).empty());
        d.clock.advance(kSecond / 2);
        CHECK(d.look({}).empty());
    }
    CHECK(d.told.empty());
}

TEST_CASE("fault book: what lasts becomes a fault with its time, and is told once", "[faults]") {
    Desk d;
    d.look({kSilent});
    d.clock.advance(10 * kSecond);
    CHECK(d.look({kSilent}) == Codes{"PN-UPSTREAM-SILENT"});
    const auto since = d.clock.wall_us();
    CHECK(d.last[0].since_wall_us == since);
    d.clock.advance(core::kHour);
    CHECK(d.look({kSilent}) == Codes{"PN-UPSTREAM-SILENT"});
    CHECK(d.last[0].since_wall_us == since);
    CHECK(d.told == Codes{"+PN-UPSTREAM-SILENT"});
}

TEST_CASE("fault book: it clears by itself, but not at the first good moment", "[faults]") {
    Desk d;
    d.look({kSilent});
    d.clock.advance(10 * kSecond);
    d.look({kSilent});
    d.clock.advance(19 * kSecond);
    CHECK(d.look({}) == Codes{"PN-UPSTREAM-SILENT"});  // good for less than its time
    d.clock.advance(kSecond / 2);
    CHECK(d.look({kSilent}) == Codes{"PN-UPSTREAM-SILENT"});
    d.clock.advance(20 * kSecond);
    CHECK(d.look({}).empty());
    CHECK(d.told == Codes{"+PN-UPSTREAM-SILENT", "-PN-UPSTREAM-SILENT"});
    d.clock.advance(kSecond);
    CHECK(d.look({kSilent}).empty());  // starts anew
}

TEST_CASE("fault book: what has a hysteresis of its own is visible at once, and gone at once", "[faults]") {
    Desk d;
    CHECK(d.look({make_fault("PN-TCP-REFUSED", "a"), make_fault("PN-TCP-REFUSED", "b")}).size() == 2);
    CHECK(d.look({make_fault("PN-TCP-REFUSED", "b", "10.0.0.2")}) == Codes{"PN-TCP-REFUSED"});
    CHECK(d.told == Codes{"+PN-TCP-REFUSEDa", "+PN-TCP-REFUSEDb", "-PN-TCP-REFUSEDa"});
    CHECK(d.last[0].ip == "10.0.0.2");  // the values are those of now
}

TEST_CASE("fault book: several of one code and link come and go together, and none is lost", "[faults]") {
    Desk d;
    const Fault one = make_fault("PN-RESOLV-CHANGED", {}, {}, {{"path", "/a"}}),
                other = make_fault("PN-RESOLV-CHANGED", {}, {}, {{"path", "/b"}});
    CHECK(d.look({one, other}).size() == 2);
    CHECK(d.told == Codes{"+PN-RESOLV-CHANGED"});
    CHECK(d.look({other}).size() == 1);
    CHECK(d.look({}).empty());
    CHECK(d.told == Codes{"+PN-RESOLV-CHANGED", "-PN-RESOLV-CHANGED"});
}

TEST_CASE("fault book: the time to become visible is the longest for what people cause by working", "[faults]") {
    CHECK(pace_of("PN-CONFIG-OLDER").visible_after_us == 30 * kSecond);
    CHECK(pace_of("PN-UPSTREAM-REFUSED").visible_after_us == 10 * kSecond);
    CHECK(pace_of("PN-AGENT-RESOLVER").visible_after_us == 0);
    CHECK(pace_of("PN-UPSTREAM-NONE").gone_after_us == 0);
    CHECK(pace_of("PN-TCP-REFUSED").visible_after_us == 0);
    CHECK(pace_of("").visible_after_us == 0);
}
