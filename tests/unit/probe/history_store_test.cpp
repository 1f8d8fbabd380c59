// SPDX-License-Identifier: Apache-2.0
// The history on disk: what is kept, of which addresses, and how long.
#include <sys/stat.h>

#include "tests/unit/catch.h"
#include "tests/unit/probe/history_kit.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

TEST_CASE("history: minutes for a day, hours for thirty, in at most 300 KiB an address", "[history]") {
    Kept k;
    k.clock.advance(kHour - k.clock.wall_us() % kHour);
    for (int minute = 0; minute < 31 * 1440; ++minute) {
        k.probe(ok, 30 * kSecond);
        k.probe(minute % 60 == 7 ? refused : ok, 30 * kSecond);
        if (minute == 20 * 1440) k.start();
    }
    const auto minutes = k.rollups(Resolution::kMinute);
    CHECK(minutes.size() == 1439);  // without the one that began 24 hours ago
    for (const auto& r : minutes)
        CHECK(r.attempts == 2);
    const auto hours = k.rollups(Resolution::kHour);
    CHECK(hours.size() == 719);
    for (const auto& r : hours) {
        CHECK(r.attempts == 120);
        CHECK(r.failures == 1);
        CHECK(r.reasons[0] == ReasonCount{refused, 1});
        CHECK(r.series[kTotal]->p95_us == Approx(4360).epsilon(0.032));
    }
    CHECK(k.rollups(Resolution::kMinute, k.clock.wall_us() - 10 * kMinute).size() == 10);
    CHECK(k.failures().size() == 512);
    const auto day = k.day();
    REQUIRE(day);
    CHECK(day->attempts == 23 * 120);  // the current hour has only begun
    CHECK(day->failures == 23);
    CHECK(day->p95_us == Approx(4360).epsilon(0.032));
    k.store->finish();
    struct stat st {};
    REQUIRE(::stat(k.path.c_str(), &st) == 0);
    CHECK(st.st_size <= 4096 + 300 * 1024);
    CHECK((st.st_mode & 0777) == 0600);
    CHECK(k.events.empty());
}

TEST_CASE("history: the last 512 failures are kept, complete, over any number of successes", "[history]") {
    Kept k;
    const Record first = k.record(Reason::kSqlError);
    Record full = first;
    full.phase = Phase::kSql;
    full.phase_us = {412, 3120, 11, 900, 51};
    full.http_status = 200;
    full.sql_code = -2147473900;
    full.cert_not_after_us = 1798675200LL * kSecond;
    full.detail = "code 855: Authentication failure";
    full.service = State::kDown;
    k.store->add(full);
    for (int i = 0; i < 5000; ++i)
        k.probe(ok, kSecond);
    k.start();
    REQUIRE(k.failures().size() == 1);
    CHECK(to_json(k.failures()[0]) == to_json(full));
    for (int i = 0; i < 600; ++i)
        k.probe(refused, kSecond);
    k.start();
    const auto kept = k.failures();
    REQUIRE(kept.size() == 512);
    for (std::size_t i = 0; i < kept.size(); ++i)
        CHECK(kept[i].seq == k.seq - 511 + i);
    Record longer = k.record(refused);
    longer.detail = std::string(85, 'x') + "ümlaut and much more of it";
    k.store->add(longer);
    CHECK(k.failures().back().detail == std::string(85, 'x') + "üml…");
}

TEST_CASE("history: sections of removed addresses are reused; an address that returns gets its own again",
          "[history]") {
    Kept k(3);
    for (int address = 1; address <= 3; ++address)
        k.probe(refused, 2 * kHour, address);
    k.start(3);
    k.probe(ok, kMinute, 1);  // back again
    CHECK(k.failures(1).size() == 1);
    k.probe(refused, kMinute, 4);  // no section is free: 2 is the least recently used
    CHECK(k.store->addresses() == 3);
    CHECK(k.failures(2).empty());
    CHECK_FALSE(k.store->rollups("tdengine-prod", Kept::ip(2), Resolution::kHour, 0));
    CHECK(k.failures(3).size() == 1);
    CHECK(k.failures(4).size() == 1);  // and nothing of 2
    CHECK(k.rollups(Resolution::kHour, 0, 4).size() == 1);
    k.start(3);
    CHECK(k.failures(4).size() == 1);
    CHECK(k.failures(2).empty());
}

TEST_CASE("history: without a free section an address is kept in memory, and reported", "[history]") {
    Kept k(2);
    for (int i = 0; i < 200; ++i) {
        for (int address = 1; address <= 3; ++address)
            k.probe(i % 10 == 0 ? refused : ok, 10 * kSecond, address);
    }
    CHECK(k.failures(1).size() == 20);
    CHECK(k.failures(2).size() == 20);
    CHECK(k.failures(3).empty());
    CHECK(k.day(3)->attempts == 200);
    CHECK(k.rollups(Resolution::kHour, 0, 3).size() == 2);
    CHECK(k.store->problem() == "1 addresses are not in the history file: it has room for 2");
    k.clock.advance(2 * kHour);
    k.probe(ok, kSecond, 1);
    k.probe(ok, kSecond, 3);  // 2 has been replaced
    CHECK(k.store->problem().empty());
    CHECK(k.day(3)->attempts == 201);
}

TEST_CASE("history: of many removed addresses those in the file keep their past, the others are dropped", "[history]") {
    Kept k(2);
    for (int address = 1; address <= 4; ++address)
        k.probe(refused, 10 * kSecond, address);
    CHECK(k.day(4)->attempts == 1);
    k.clock.advance(kMinute);  // everything is written
    k.probe(ok, kSecond, 1);
    k.clock.advance(3 * kHour);
    k.probe(ok, kSecond, 1);
    k.probe(ok, kSecond, 5);  // twice as many as there are sections
    CHECK(k.day(1)->attempts == 3);
    CHECK(k.failures(1).size() == 1);
    CHECK_FALSE(k.day(4));
}

TEST_CASE("history: the same address in two links has two pasts", "[history]") {
    Kept k;
    Record other = k.record(refused);
    other.link = "other";
    k.store->add(other);
    k.probe(ok);
    CHECK(k.failures().empty());
    CHECK(k.store->failures("other", Kept::ip()).size() == 1);
    CHECK(k.store->addresses() == 2);
}

TEST_CASE("history: a clock set forward leaves a gap, one set back adds to the same minutes", "[history]") {
    Kept k;
    k.clock.advance(kHour - k.clock.wall_us() % kHour);
    for (int i = 0; i < 60; ++i)
        k.probe(ok, kMinute);
    k.clock.jump_wall(5 * kHour);
    for (int i = 0; i < 60; ++i)
        k.probe(ok, kMinute);
    CHECK(k.rollups(Resolution::kMinute).size() == 120);
    CHECK(attempts(k.rollups(Resolution::kHour)) == 120);
    k.clock.jump_wall(-7 * kHour - kMinute);        // to just before it began
    CHECK(k.rollups(Resolution::kMinute).empty());  // all of it is in the future
    CHECK_FALSE(k.day());
    for (int i = 0; i < 30; ++i)
        k.probe(refused, kMinute);
    const auto again = k.rollups(Resolution::kMinute);
    CHECK(again.size() == 31);
    CHECK(attempts(again) == 60);  // both passes
    CHECK(k.day()->attempts == 60 + 30);
    CHECK(k.day()->failures == 30);
    k.start();
    CHECK(k.day()->attempts == 90);
    k.clock.jump_wall(-400 * kDay);
    for (int i = 0; i < 10; ++i)
        k.probe(refused, kMinute);
    CHECK(k.rollups(Resolution::kMinute).size() == 10);
    CHECK(k.failures().size() == 40);
    CHECK(k.failures().back().seq == k.seq);
}
