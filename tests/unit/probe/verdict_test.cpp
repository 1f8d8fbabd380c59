// SPDX-License-Identifier: Apache-2.0
// Results applied to verdicts: tables of results and the expected verdicts.
#include "tests/unit/probe/verdict_kit.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;

TEST_CASE("verdict: fall and rise of the path, fast until settled", "[verdict]") {
    Book b;
    CHECK(b.run({ok, ok}) == "up/up up/up");
    CHECK(b.run({refused, refused, refused, refused}) == "up/up! up/up! down/unknown down/unknown");
    CHECK(b.health().path_down);
    CHECK(b.health().streak == -4);
    CHECK(b.run({ok, ok, ok}) == "down/unknown! up/up up/up");
    CHECK(b.run({refused, ok, ok}) == "up/up! up/up! up/up");
    CHECK(b.run({refused, refused, ok, refused, refused, ok, ok}) ==
          "up/up! up/up! up/up! up/degraded! up/degraded! up/degraded! up/degraded");
    CHECK(b.run({refused, refused, refused, ok, refused}) ==
          "up/degraded! up/degraded! down/unknown down/unknown! down/unknown");
}

TEST_CASE("verdict: a flapping address stays down for longer, a single outage does not", "[verdict]") {
    Book b;
    b.run({ok, ok});
    const auto successes_needed = [&] {
        b.run({refused, refused, refused});
        CHECK(b.health().verdict.path == State::kDown);
        const int promised = b.health().rise_needed;
        int n = 0;
        while (b.health().verdict.path == State::kDown) {
            const Fold f = b.fold(ok);
            ++n;
            if (f.after.path == State::kDown) CHECK(f.pace == Pace::kFast);
        }
        CHECK(n == promised);
        return n;
    };
    std::vector<int> needed;
    for (int i = 0; i < 10; ++i)
        needed.push_back(successes_needed());
    CHECK(needed == std::vector<int>{2, 2, 2, 4, 8, 16, 32, 60, 60, 60});
    b.clock.advance(kFlapWindow + core::kSecond);
    CHECK(successes_needed() == 2);
    CHECK_FALSE(b.health().flapping);
}

TEST_CASE("verdict: a flapping service is damped in the same way", "[verdict]") {
    Book b;
    b.fold(ok);
    for (int i = 0; i < 4; ++i) {
        b.run({e5xx, e5xx, e5xx});
        CHECK(b.health().verdict.service == State::kDown);
        CHECK(b.health().flapping == (i == 3));
        if (i < 3) b.run({ok, ok});
    }
    CHECK(b.run({ok, ok, ok, ok}) == "up/down! up/down! up/down! up/up");
}

TEST_CASE("verdict: a new address is up with its first success, down only after fall", "[verdict]") {
    Book b;
    CHECK(b.run({refused, refused, refused}) == "unknown/unknown! unknown/unknown! down/unknown");
    Book c;
    CHECK(c.run({refused, ok}) == "unknown/unknown! up/up!");
    Book d({.fall = 1, .rise = 1});
    CHECK(d.run({refused, ok, refused, ok}) == "down/unknown up/up down/unknown up/up");
}

TEST_CASE("verdict: the service falls alone, the path stays", "[verdict]") {
    Book b;
    CHECK(b.run({ok, e5xx, e5xx, e5xx}) == "up/up up/up! up/up! up/down");
    CHECK(b.health().service_down_comparable);
    CHECK_FALSE(b.health().path_down);
    CHECK(b.run({ok, ok}) == "up/down! up/up");
    CHECK_FALSE(b.health().service_down_comparable);
    CHECK(b.run({auth, auth, auth}) == "up/up! up/up! up/down");
    CHECK_FALSE(b.health().service_down_comparable);
    CHECK(b.run({e5xx}) == "up/down");
    CHECK(b.health().service_down_comparable);
    CHECK(b.run({refused, refused}) == "up/down! up/down!");
    CHECK(b.run({refused}) == "down/unknown");
    CHECK_FALSE(b.health().service_down_comparable);
}

// Steering withdraws an address for such a failure while another one passes the same request: only a refused token, a
// missing permission or a fault of this host says nothing about the address.
TEST_CASE("verdict: every failure of the service is comparable but those that can only be ours", "[verdict]") {
    const std::set<Reason> ours{Reason::kHttpStatus401, Reason::kSqlAuth, Reason::kSqlPermission};
    for (int i = 0; i <= static_cast<int>(Reason::kCount); ++i) {
        const auto reason = static_cast<Reason>(i);
        INFO(to_string(reason));
        CHECK(is_comparable(reason) == (blame(reason) == Blame::kService && ours.count(reason) == 0));
    }
}

// A reset and a 404 by turns never make a streak of one kind, and never work.
TEST_CASE("verdict: a streak is broken by a pass of the whole probe, not by a failure of another kind", "[verdict]") {
    const auto e404 = Reason::kHttpStatus4xx;
    Book b;
    CHECK(b.run({ok, refused, e404, refused, e404, refused}) ==
          "up/up up/up! up/up! up/degraded! up/degraded! down/unknown");
    CHECK(b.run({e404, refused, e404, refused, e404, refused}).find("up/") == std::string::npos);
    Book c;  // most are answered wrongly: the service fails
    CHECK(c.run({ok, e404, e404, refused, e404}) == "up/up up/up! up/up! up/degraded! up/down!");
    CHECK(c.health().service_down_comparable);
    // What the address does not cause does not hide that it can do: refused now and then behind a wrong token is no path
    // that is down.
    Book d;
    for (int i = 0; i < 20; ++i)
        CHECK(d.run({auth, auth, refused, refused}).find("down/") == std::string::npos);
    // A different reason each time is one failing service, comparable while one of them is.
    Book e;
    e.run({ok, auth, e404, auth});
    CHECK(e.health().verdict.service == State::kDown);
    CHECK(e.health().service_down_comparable);
    // Many failures in a row may be wanted.
    Book f({.fall = 100, .rise = 2});
    f.fold(ok);
    for (int i = 0; i < 99; ++i)
        f.fold(refused);
    CHECK_FALSE(f.health().path_down);
    f.fold(refused);
    CHECK(f.health().path_down);
}

// At 5 % loss three failures meet by chance several times a day.
TEST_CASE("verdict: where passes keep ending failures, half as many more are needed in a row", "[verdict]") {
    const auto needed = [](Book& b) {
        int n = 0;
        while (b.health().verdict.overall() != State::kDown) {
            b.fold(refused);
            ++n;
        }
        b.run({ok, ok});
        return n;
    };
    const auto lose = [](Book& b, int times, Reason reason = refused) {
        for (int i = 0; i < times; ++i)
            b.run({reason, ok, ok, ok});
    };
    Book b;
    b.fold(ok);
    lose(b, kBlipsFree);
    CHECK(needed(b) == 3);  // some failures are nothing, nor is an outage
    lose(b, 2);
    CHECK(needed(b) == 5);
    CHECK(needed(b) == 5);
    for (int i = 0; i < kBlipMemory; ++i)
        b.fold(ok);
    CHECK(needed(b) == 3);  // forgotten

    Book c({.fall = 1, .rise = 1});  // what makes a verdict is no loss
    c.fold(ok);
    lose(c, kFlapsFree);
    CHECK(needed(c) == 1);
    Book d;  // the service alike
    d.fold(ok);
    lose(d, kBlipsFree + 1, e5xx);
    CHECK(d.run({e5xx, e5xx, e5xx, e5xx}).find("down") == std::string::npos);
    CHECK(d.run({e5xx}) == "up/down");
}

TEST_CASE("verdict: an address that fails in part is degraded, and up again when that has certainly ended",
          "[verdict]") {
    Book b;
    b.run({ok, ok, ok});
    for (int i = 0; i < 3; ++i)
        b.run({refused, refused, ok});
    CHECK(b.health().verdict == Verdict{State::kUp, State::kDegraded});
    CHECK(b.health().partial);
    CHECK(b.health().rate == Share{6, 12});
    int passes = 0;
    while (b.health().partial && passes < 100) {
        b.fold(ok);
        ++passes;
    }
    CHECK(passes >= 3);
    CHECK(passes <= 10);
    CHECK(b.health().verdict.service == State::kUp);
    // Without a token the path is what is judged.
    Book c;
    c.run({token, token, token});
    for (int i = 0; i < 4; ++i)
        c.run({refused, refused, token});
    CHECK(c.health().verdict == Verdict{State::kDegraded, State::kUnknown});
    // One in twenty is no fault.
    Book d;
    for (int i = 0; i < 400; ++i) {
        d.fold(i % 20 == 7 ? refused : ok);
        CHECK_FALSE(d.health().partial);
    }
}

TEST_CASE("verdict: an address that fails more often than the link's others is below them", "[verdict]") {
    Book b;
    b.targets({"10.0.1.23", "10.0.2.9", "10.0.3.1"});
    for (int i = 0; i < 100; ++i) {
        b.fold(i % 8 == 0 ? refused : ok);
        b.book.fold(b.result(ok, 3000, "10.0.2.9"));
        b.book.fold(b.result(ok, 3000, "10.0.3.1"));
    }
    CHECK(b.health().below_peers);
    CHECK(b.health().verdict.service == State::kDegraded);
    CHECK(b.health().rate.tried > 50);
    CHECK(b.health().peers_rate.passed == b.health().peers_rate.tried);
    CHECK(b.book.find("link", *core::IpAddress::parse("10.0.2.9"))->verdict.service == State::kUp);
}

TEST_CASE("verdict: one that is added to good ones is a newcomer until its first success, or a minute", "[verdict]") {
    const auto second = *core::IpAddress::parse("10.0.2.9");
    Book b;
    CHECK(b.health().newcomer_until_mono_us == 0);  // there was none before
    b.targets({"10.0.1.23", "10.0.2.9"});
    CHECK(b.book.find("link", second)->newcomer_until_mono_us == 0);  // nor a good one
    b.run({ok});
    b.targets({"10.0.1.23", "10.0.2.9", "10.0.3.1"});
    const auto third = *core::IpAddress::parse("10.0.3.1");
    CHECK(b.book.find("link", third)->newcomer_until_mono_us == b.clock.mono_us() + kNewcomer);
    b.book.fold(b.result(refused, 1, "10.0.3.1"));
    CHECK(b.book.find("link", third)->newcomer_until_mono_us != 0);
    b.book.fold(b.result(ok, 1, "10.0.3.1"));
    CHECK(b.book.find("link", third)->newcomer_until_mono_us == 0);
}

TEST_CASE("verdict: without a token the path is judged, the service unknown", "[verdict]") {
    Book b;
    CHECK(b.run({token, token}) == "up/unknown up/unknown");
    CHECK(b.health().verdict.overall() == State::kUnknown);
    CHECK(b.run({refused, refused, refused, token, token}) ==
          "up/unknown! up/unknown! down/unknown down/unknown! up/unknown");
    CHECK(b.run({ok, token}) == "up/up up/unknown");
    // Failures from before the token was lost don't count with those after it, nor is it asked faster for them.
    CHECK(b.run({ok, e5xx, e5xx, token, e5xx, e5xx, e5xx}) ==
          "up/up up/up! up/up! up/unknown up/unknown! degraded/unknown! up/down");
}

TEST_CASE("verdict: local trouble changes nothing", "[verdict]") {
    Book b;
    CHECK(b.run({ok, local, local, local, local}) == "up/up up/up up/up up/up up/up");
    CHECK(b.health().streak == 1);
    CHECK(b.health().last->reason == local);
    CHECK(b.run({refused, local, refused, local, refused}) == "up/up! up/up! up/up! up/up! down/unknown");
    for (int i = 0; i < static_cast<int>(Reason::kCount); ++i) {
        const auto reason = static_cast<Reason>(i);
        CHECK((blame(reason) == Blame::kNobody) == (is_local(reason) || reason == Reason::kNone));
        if (is_comparable(reason)) CHECK(blame(reason) == Blame::kService);
    }
}

TEST_CASE("verdict: slow is degraded with the same hysteresis", "[verdict]") {
    Book b;
    const core::Micros slow = 600 * core::kMillisecond;
    b.fold(ok);
    b.fold(ok, slow);
    CHECK(b.fold(ok, slow).after.service == State::kUp);
    CHECK(b.fold(ok, slow).after.service == State::kDegraded);
    CHECK(b.health().slow);
    CHECK(b.health().verdict.path == State::kUp);
    CHECK(b.fold(ok).after.service == State::kDegraded);
    CHECK(b.fold(ok).after.service == State::kUp);

    Book off;  // degraded_over = 0: however long it takes
    off.spec->degraded_over_us = 0;
    off.targets({{"10.0.1.23"}});
    for (int i = 0; i < 5; ++i)
        CHECK(off.fold(ok, slow).after.service == State::kUp);
}

// What was measured before an outage says nothing of the service behind it: it is judged anew.
TEST_CASE("verdict: while the path is down the streaks of the service begin again", "[verdict]") {
    const core::Micros slow = 600 * core::kMillisecond;
    Book b;
    b.fold(ok);
    for (int i = 0; i < 3; ++i)
        b.fold(ok, slow);
    REQUIRE(b.health().slow);
    b.run({refused, refused, refused});
    CHECK_FALSE(b.health().slow);
    b.fold(ok, slow);
    CHECK(b.fold(ok, slow).after == Verdict{State::kUp, State::kUp});  // the first slow one that counts
    b.fold(ok, slow);
    CHECK(b.fold(ok, slow).after == Verdict{State::kUp, State::kDegraded});

    Book c;
    CHECK(c.run({ok, e5xx, e5xx, refused, refused, refused}) ==
          "up/up up/up! up/up! up/degraded! up/degraded! down/unknown");  // settled: the two 5xx are forgotten
    CHECK(c.run({e5xx, e5xx, e5xx, e5xx}) == "down/unknown! up/unknown! up/unknown! up/down");
}

TEST_CASE("verdict: a certificate that expires soon degrades at once", "[verdict]") {
    Book b;
    ProbeResult r = b.result(ok);
    r.certificate.chain_not_after_us = b.clock.wall_us() + 13 * core::kDay;
    CHECK(b.book.fold(r).after == Verdict{State::kUp, State::kDegraded});
    CHECK(b.health().certificate_expiring);
    CHECK(b.fold(ok).after == Verdict{State::kUp, State::kUp});
}

TEST_CASE("verdict: since changes with the overall state only", "[verdict]") {
    Book b;
    b.fold(ok);
    const core::Micros since = b.health().since_wall_us;
    b.fold(refused);
    b.fold(refused);
    CHECK(b.health().since_wall_us == since);
    b.fold(refused);
    CHECK(b.health().since_wall_us == b.clock.wall_us());
}

TEST_CASE("verdict: a sweep is as old as its oldest result", "[verdict]") {
    Book b;
    b.targets({"10.0.1.23", "10.0.2.9"});
    b.fold(ok);
    b.clock.advance(core::kSecond);
    b.book.fold(b.result(ok, 1, "10.0.2.9"));
    const core::Micros second = b.clock.mono_us();
    CHECK(b.book.last_sweep_done_mono_us("link") == second - core::kSecond);
    b.fold(ok);
    CHECK(b.book.last_sweep_done_mono_us("link") == second);
    b.fold(local);  // does not count: the verdicts get older
    CHECK(b.book.last_sweep_done_mono_us("link") == second);
    CHECK(b.book.last_sweep_done_mono_us("other") == 0);
}

TEST_CASE("verdict: the link's state by policy", "[verdict]") {
    const auto U = State::kUp, D = State::kDown, G = State::kDegraded, X = State::kUnknown;
    CHECK(link_state({}, LinkPolicy::kAny) == X);
    CHECK(link_state({U, U}, LinkPolicy::kAny) == U);
    CHECK(link_state({U, D}, LinkPolicy::kAny) == G);
    CHECK(link_state({U, X}, LinkPolicy::kAny) == U);
    CHECK(link_state({D, X}, LinkPolicy::kAny) == X);
    CHECK(link_state({D, D}, LinkPolicy::kAny) == D);
    CHECK(link_state({U, D}, LinkPolicy::kQuorum) == D);
    CHECK(link_state({U, U, D}, LinkPolicy::kQuorum) == G);
    CHECK(link_state({U, X, X}, LinkPolicy::kQuorum) == X);
    CHECK(link_state({U, G}, LinkPolicy::kAll) == G);
    CHECK(link_state({U, D}, LinkPolicy::kAll) == D);
    CHECK(link_state({U, X}, LinkPolicy::kAll) == X);
    // As the configuration has them: status shows the policy by its name.
    CHECK(to_string(LinkPolicy::kAny) == "any");
    CHECK(to_string(LinkPolicy::kQuorum) == "quorum");
    CHECK(to_string(LinkPolicy::kAll) == "all");
}

TEST_CASE("verdict: down lasts for the time of its successes at the fast interval, even if they come faster",
          "[verdict]") {
    Book b({.fall = 3, .rise = 2, .interval_us = 10 * core::kSecond, .fast_interval_us = core::kSecond});
    b.run({ok, refused, refused, refused});
    REQUIRE(b.health().path_down);
    const core::Micros since = b.clock.mono_us();
    int attempts = 0;
    while (b.health().path_down) {  // as with repeated `postern refresh`
        b.clock.advance(50 * core::kMillisecond);
        const Fold f = b.book.fold(b.result(ok));
        ++attempts;
        if (b.health().path_down) CHECK(f.pace == Pace::kFast);
    }
    CHECK(b.clock.mono_us() - since == 2 * core::kSecond);
    CHECK(attempts == 40);
    // Going down is not delayed.
    for (int i = 0; i < 3; ++i)
        b.book.fold(b.result(refused));
    CHECK(b.health().path_down);
}

TEST_CASE("verdict: a down service has the same dwell time", "[verdict]") {
    Book b;
    b.run({ok, e5xx, e5xx, e5xx});
    for (int i = 0; i < 10; ++i)
        b.book.fold(b.result(ok));
    CHECK(b.health().verdict.service == State::kDown);
    b.clock.advance(2 * core::kSecond);
    b.book.fold(b.result(ok));
    CHECK(b.health().verdict.service == State::kUp);
}

TEST_CASE("verdict: flaps are forgotten also while down", "[verdict]") {
    Book b;
    b.run({ok});
    for (int i = 0; i < 6; ++i) {
        b.run({refused, refused, refused});
        while (i < 5 && b.health().path_down)
            b.fold(ok);
    }
    CHECK(b.health().rise_needed == 16);
    CHECK(b.health().flapping);
    for (int i = 0; i < 660; ++i)
        b.fold(refused);
    CHECK(b.health().rise_needed == 2);
    CHECK_FALSE(b.health().flapping);
    CHECK(b.run({ok, ok}) == "down/unknown! up/up");
    CHECK(b.health().rise_needed == 0);  // nothing has to rise

    Book c;  // the service alike
    c.fold(ok);
    for (int i = 0; i < 6; ++i) {
        c.run({e5xx, e5xx, e5xx});
        while (i < 5 && c.health().verdict.service == State::kDown)
            c.fold(ok);
    }
    CHECK(c.health().rise_needed == 16);
    for (int i = 0; i < 660; ++i)
        c.fold(e5xx);
    CHECK(c.health().rise_needed == 2);
    CHECK(c.run({ok, ok}) == "up/down! up/up");
}

// If all are down, the last one to have worked is answered first.
TEST_CASE("verdict: when an address last worked is kept over its failures", "[verdict]") {
    Book b;
    b.fold(ok);
    const core::Micros worked = b.clock.mono_us();
    CHECK(b.health().last_ok_mono_us == worked);
    b.run({refused, e5xx, local});
    CHECK(b.health().last_ok_mono_us == worked);
    b.fold(token);  // the path works
    CHECK(b.health().last_ok_mono_us == b.clock.mono_us());
}

TEST_CASE("verdict: a list begins with trouble", "[verdict]") {
    CHECK(rank(State::kDown) < rank(State::kDegraded));
    CHECK(rank(State::kDegraded) < rank(State::kUnknown));
    CHECK(rank(State::kUnknown) < rank(State::kUp));
}
