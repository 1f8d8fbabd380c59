// SPDX-License-Identifier: Apache-2.0
// What a verdict outlives: a new list of targets, a new name of its link, a restart of the program.
#include "tests/unit/probe/verdict_kit.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;

TEST_CASE("verdict: a renamed link keeps its verdicts, one that asks differently does not", "[verdict]") {
    Book b;
    b.run({ok, ok});
    const auto under = [&](const char* name, const std::shared_ptr<ProbeSpec>& spec) {
        b.book.set_targets({{{name, b.ip, "", "", spec}, VerdictRule{}}});
        return b.book.find(name, b.ip)->verdict.path;
    };
    b.book.set_targets({});  // a reload may take the old name away before the new one has addresses
    CHECK(under("renamed", std::make_shared<ProbeSpec>(*b.spec)) == State::kUp);
    const auto other = std::make_shared<ProbeSpec>();
    other->host = "another.example";
    CHECK(under("again", other) == State::kUnknown);
    b.book.set_targets({});
    b.clock.advance(core::kMinute);
    CHECK(under("late", other) == State::kUnknown);
}

TEST_CASE("verdict: targets of the old and the new list keep their verdict, results of others change nothing",
          "[verdict]") {
    Book b;
    b.run({ok, ok});
    b.targets({"10.0.1.23", "10.0.2.9", "10.0.2.9"});
    CHECK(b.health().verdict.path == State::kUp);
    CHECK(b.book.last_sweep_done_mono_us("link") == 0);
    CHECK_FALSE(b.book.first_sweep_done("link"));
    CHECK(b.book.fold(b.result(ok, 3000, "10.0.2.9")).changed());
    CHECK(b.book.first_sweep_done("link"));
    CHECK_FALSE(b.book.fold(b.result(refused, 1, "10.9.9.9")).known);
    b.targets({"10.0.2.9"});
    CHECK(b.book.find("link", b.ip) == nullptr);
    CHECK_FALSE(b.fold(refused).known);
}

TEST_CASE("verdict: saved verdicts are restored while they are recent", "[verdict]") {
    Book b;
    b.targets({"10.0.1.23", "10.0.2.9"});
    b.run({ok, refused, refused, refused});
    b.book.fold(b.result(ok, 1, "10.0.2.9"));
    const std::string saved = b.book.to_json();
    INFO(saved);
    {
        Book fresh;
        fresh.clock.advance(b.clock.mono_us() - fresh.clock.mono_us() + core::kMinute);
        fresh.targets({"10.0.1.23", "10.0.2.9", "10.0.3.1"});
        const auto restored = fresh.book.restore(saved, 5 * core::kMinute);
        REQUIRE(restored);
        CHECK(*restored == 2);
        CHECK(fresh.health().verdict == Verdict{State::kDown, State::kUnknown});
        CHECK(fresh.health().path_down);
        CHECK(fresh.health().since_wall_us == b.health().since_wall_us);
        CHECK_FALSE(fresh.book.first_sweep_done("link"));
        CHECK(fresh.run({ok, ok}) == "down/unknown! up/up");
    }
    {
        Book old;
        old.clock.advance(core::kHour);
        CHECK(*old.book.restore(saved, 5 * core::kMinute) == 0);
    }
    for (const std::string foreign : {"", "{", "[]", "{\"verdicts\":5}", "null"})
        CHECK_FALSE(b.book.restore(foreign, 1));
    std::string newer = saved;
    newer.replace(newer.find(":1,"), 3, ":2,");
    CHECK_FALSE(b.book.restore(newer, core::kHour));
}

TEST_CASE("verdict: a saved file with any byte changed or missing restores nothing", "[verdict]") {
    Book b;
    b.run({refused, refused, refused});
    const std::string saved = b.book.to_json();
    Book fresh;
    fresh.clock.advance(core::kMinute);
    for (std::size_t i = 0; i < saved.size(); ++i) {
        std::string damaged = saved;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        CHECK_FALSE(fresh.book.restore(damaged, core::kHour));
        CHECK_FALSE(fresh.book.restore(saved.substr(0, i), core::kHour));
    }
    CHECK(fresh.health().last_mono_us == 0);
    CHECK(*fresh.book.restore(saved, core::kHour) == 1);
}

TEST_CASE("verdict: a saved verdict of the future is not restored, nor an older one after the clock was set back",
          "[verdict]") {
    Book b;
    b.run({refused, refused, refused});
    const std::string saved = b.book.to_json();
    Book back;
    back.clock.jump_wall(-core::kHour);
    CHECK(*back.book.restore(saved, 5 * core::kMinute) == 0);
    CHECK(back.health().verdict == Verdict{});
    Book ahead;
    ahead.clock.jump_wall(core::kHour);
    CHECK(*ahead.book.restore(saved, 5 * core::kMinute) == 0);
}

TEST_CASE("verdict: a restored verdict does not count as a sweep, and keeps its flaps", "[verdict]") {
    Book b;
    b.run({ok});
    for (int i = 0; i < 5; ++i) {
        b.run({refused, refused, refused});
        while (i < 4 && b.health().path_down)
            b.fold(ok);
    }
    REQUIRE(b.health().rise_needed == 8);
    Book fresh;
    fresh.clock.advance(b.clock.mono_us() - fresh.clock.mono_us() + core::kSecond);
    REQUIRE(*fresh.book.restore(b.book.to_json(), core::kMinute) == 1);
    CHECK(fresh.health().restored);
    CHECK_FALSE(fresh.book.first_sweep_done("link"));
    CHECK(fresh.health().rise_needed == 8);
    CHECK(fresh.run({ok, ok, ok, ok, ok, ok, ok}) ==
          "down/unknown! down/unknown! down/unknown! down/unknown! down/unknown! down/unknown! down/unknown!");
    CHECK(fresh.run({ok}) == "up/up");
    CHECK(fresh.book.first_sweep_done("link"));
}
