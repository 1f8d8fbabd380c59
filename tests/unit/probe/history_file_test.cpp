// SPDX-License-Identifier: Apache-2.0
// The history's file: kills, restarts, damage, full disks, a file that is moved; who reads it beside the agent.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "core/file_system.h"
#include "core/random.h"
#include "tests/unit/catch.h"
#include "tests/unit/probe/history_kit.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

TEST_CASE("history: kill -9 at any moment loses what is younger than a second", "[history]") {
    Kept k;
    k.store.reset();
    core::SeededRandom random(3);
    for (int round = 0; round < 10; ++round) {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        const pid_t child = ::fork();
        if (child == 0) {
            core::Loop loop;  // as the agent does: in the pool
            HistoryStore store(&loop, k.clock, k.path);
            for (std::uint64_t i = 1;; ++i) {
                Record r = k.record(refused);
                r.seq = i;
                store.add(r);
                k.clock.advance(kSecond);
                while (!store.file().idle())
                    loop.run_once();
                if (::write(ends[1], &i, sizeof i) != sizeof i) ::_exit(0);
            }
        }
        ::close(ends[1]);
        std::uint64_t acknowledged = 0;
        const std::uint64_t until = 50 + random.below(300);
        while (acknowledged < until)
            REQUIRE(::read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged);
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        REQUIRE(WIFSIGNALED(status));
        while (::read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
        }
        ::close(ends[0]);
        k.clock.advance(kHour);  // as the child's clock did
        k.start();
        const auto kept = k.failures();
        REQUIRE_FALSE(kept.empty());
        CHECK(kept.back().seq >= acknowledged);
        CHECK(attempts(k.rollups(Resolution::kHour, k.clock.wall_us() - 2 * kHour)) >= acknowledged);
        CHECK(attempts(k.rollups(Resolution::kMinute, k.clock.wall_us() - 2 * kHour)) >= acknowledged);
        k.store.reset();
        k.clock.advance(3 * kHour);
        ::unlink(k.path.c_str());
    }
}

TEST_CASE("history: the current minute and hour are continued after a restart", "[history]") {
    Kept k;
    k.clock.advance(kHour - k.clock.wall_us() % kHour);
    for (int i = 0; i < 6; ++i) {
        k.probe(i == 2 ? refused : ok, 5 * kSecond);
        k.start();
    }
    const auto minutes = k.rollups(Resolution::kMinute);
    REQUIRE(minutes.size() == 1);
    CHECK(minutes[0].attempts == 6);
    CHECK(minutes[0].failures == 1);
    CHECK(k.rollups(Resolution::kHour).size() == 1);
    CHECK(k.day()->attempts == 6);
}

TEST_CASE("history: a damaged slot does not affect others", "[history]") {
    Kept k;
    for (int i = 0; i < 300; ++i)
        k.probe(i % 2 == 0 ? ok : refused, kMinute);
    k.store.reset();
    const auto good = core::read_file(k.path, 1 << 20);
    REQUIRE(good);
    core::SeededRandom random(5);
    const auto tally = [&] {
        return k.rollups(Resolution::kMinute).size() + k.rollups(Resolution::kHour).size() + k.failures().size();
    };
    k.start();
    const auto all = tally();
    for (int round = 0; round < 300; ++round) {
        k.store.reset();
        std::string damaged = *good;
        damaged[kPageBytes + random.below(damaged.size() - kPageBytes)] ^= static_cast<char>(1 + random.below(255));
        REQUIRE(core::write_file(k.path, core::as_bytes(damaged), 0600, false));
        k.start();
        CHECK(tally() >= all - 1);
        k.probe(ok, 0);
        CHECK(k.events.empty());
    }
}

TEST_CASE("history: an invalid file is renamed, logged, and a new one is begun", "[history]") {
    Kept k;
    k.probe(refused);
    k.store.reset();
    std::string good = *core::read_file(k.path, 1 << 20);
    std::string newer = good;
    newer[8] = 2;
    core::store_le(reinterpret_cast<std::uint8_t*>(newer.data()) + 16, core::crc64(core::as_bytes(newer).first(16)));
    std::string flipped = good;
    flipped[12] ^= 1;
    for (const std::string& foreign : {std::string("x"), std::string(5000, '\0'), newer, flipped, good.substr(0, 20)}) {
        k.events.clear();
        REQUIRE(core::write_file(k.path, core::as_bytes(foreign), 0600, false));
        k.start();
        CHECK(k.events == std::vector<std::string>{"history_set_aside"});
        CHECK(*core::read_file(k.path + ".unusable", 1 << 20) == foreign);
        CHECK(k.failures().empty());
        k.probe(refused);
        CHECK(k.failures().size() == 1);
        CHECK(k.store->problem().empty());
        k.store.reset();
    }
}

TEST_CASE("history: any bytes after a valid header are read without a crash", "[history]") {
    Kept k;
    k.probe(refused);
    k.store.reset();
    core::SeededRandom random(17);
    for (int round = 0; round < 20; ++round) {
        const auto header = encode_header(kMaxSections);
        std::string file(core::as_text(header));
        const auto size = random.below(400'000);
        while (file.size() < size)
            file.push_back(static_cast<char>(random.below(256)));
        REQUIRE(core::write_file(k.path, core::as_bytes(file), 0600, false));
        k.start();
        k.probe(refused);
        CHECK(k.failures().size() == 1);
        CHECK(k.rollups(Resolution::kHour).size() == 1);
        k.store.reset();
    }
}

TEST_CASE("history: a full disk is logged once, and the queue is written when there is room", "[history]") {
    Kept k;
    k.store->finish();
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{8192, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    for (int i = 0; i < 100; ++i)
        k.probe(i % 10 == 0 ? refused : ok, kMinute);
    const auto seen = k.events;
    const auto problem = k.store->problem();
    const auto minutes = k.rollups(Resolution::kMinute).size();
    const auto failures = k.failures().size();
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, handler);
    CHECK(seen == std::vector<std::string>{"history_write_failed"});
    CHECK(problem == "the history is not written to " + k.path + ": File too large");
    CHECK(minutes == 100);
    CHECK(failures == 10);
    k.clock.advance(2 * kSecond);
    CHECK(k.events == std::vector<std::string>{"history_write_failed", "history_write_recovered"});
    CHECK(k.store->problem().empty());
    CHECK(k.store->file().lost() == 0);
    k.start();
    CHECK(k.rollups(Resolution::kMinute).size() == 100);
    CHECK(k.failures().size() == 10);
}

TEST_CASE("history: with a missing folder it is in memory, and the file is opened once there is a folder",
          "[history]") {
    Kept k;
    k.path = k.folder / "later/history";
    k.start();
    CHECK(k.events == std::vector<std::string>{"history_write_failed"});
    for (int i = 0; i < 60; ++i)
        k.probe(ok, kSecond);
    CHECK(k.day()->attempts == 60);
    CHECK(k.store->problem().find("No such file or directory") != std::string::npos);
    REQUIRE(core::make_folders(k.folder / "later", 0700));
    for (int i = 0; i < 60; ++i)
        k.probe(ok, kSecond);
    CHECK(k.events == std::vector<std::string>{"history_write_failed", "history_write_recovered"});
    CHECK(k.store->problem().empty());
    CHECK(k.day()->attempts == 120);
}

TEST_CASE("history: a command reads the failures beside the agent", "[history]") {
    Kept k;
    CHECK(failures_in_file(k.folder / "none", {}).error().code == core::Code::kFileMissing);
    const core::Micros began = k.clock.wall_us();
    for (int i = 0; i < 20; ++i)
        k.probe(i % 2 == 0 ? refused : Reason::kTlsTimeout, kMinute, 1 + i % 4);
    CHECK(failures_in_file(k.path, {})->size() == 20);
    const auto all = *failures_in_file(k.path, {});
    CHECK(std::is_sorted(all.begin(), all.end(), [](auto& a, auto& b) { return a.wall_us < b.wall_us; }));
    CHECK(all[1].host == "gw.example.com");
    RecordFilter filter;
    filter.reason = Reason::kTlsTimeout;
    filter.since_wall_us = began + 10 * kMinute;
    CHECK(failures_in_file(k.path, filter)->size() == 5);
    filter.ip = Kept::ip(2);
    CHECK(failures_in_file(k.path, filter)->size() == 2);
    filter.link = "other";
    CHECK(failures_in_file(k.path, filter)->empty());
    REQUIRE(core::write_file(k.path, core::as_bytes("PSTNHIST and nothing"), 0600, false));
    CHECK(failures_in_file(k.path, {}).error().code == core::Code::kFileCorrupt);
}

TEST_CASE("history: a file that is removed, moved or replaced is noticed, and a new one is written", "[history]") {
    const std::string how = GENERATE("removed", "moved", "replaced");
    Kept k;
    for (int i = 0; i < 600; ++i)
        k.probe(i % 60 == 59 ? Reason::kTcpRefused : Reason::kNone);
    REQUIRE(k.day()->attempts == 600);
    if (how == "moved") {
        REQUIRE(::rename(k.path.c_str(), (k.path + ".old").c_str()) == 0);
    } else if (how == "removed") {
        REQUIRE(::unlink(k.path.c_str()) == 0);
    } else {
        REQUIRE(core::write_file(k.path, core::as_bytes(core::read_file(k.path, 64 << 20).value()), 0600, false));
    }
    for (int i = 0; i < 12; ++i)
        k.probe(Reason::kTcpRefused);
    CHECK(k.day()->attempts == 612);
    CHECK(k.day()->failures == 22);
    CHECK(k.store->problem().empty());
    k.start();  // from the file
    REQUIRE(k.day());
    CHECK(k.day()->attempts == 612);
    CHECK(k.failures().size() >= 11);
    CHECK(std::count(k.events.begin(), k.events.end(), "history_reopened") == 1);
}

TEST_CASE("history: the month and the incidents of an address survive a restart", "[history]") {
    Kept k;
    k.clock.advance(kHour - k.clock.wall_us() % kHour + 20 * kMinute);
    const core::Micros begin = k.clock.wall_us();
    for (int i = 0; i < 6 * 4; ++i)  // 4 minutes; the last 90 s fail
        k.probe(i < 15 ? ok : refused);
    for (int i = 0; i < 6 * 4; ++i)
        k.probe();
    const auto check = [&] {
        const auto month = k.store->last_month("tdengine-prod", Kept::ip());
        REQUIRE(month);
        CHECK(month->attempts == 48);
        CHECK(month->failures == 9);
        CHECK(month->since_wall_us == begin);
        CHECK(month->covered_us == 8 * kMinute);
        const auto list = k.store->incidents("tdengine-prod", Kept::ip());
        REQUIRE(list.size() == 1);
        CHECK(list[0].from_wall_us == begin + 150 * kSecond);
        CHECK(list[0].to_wall_us == begin + 230 * kSecond);
        CHECK(list[0].failures == 9);
        CHECK_FALSE(list[0].open);
    };
    check();
    k.start();
    check();
    k.start();
    k.store->add(k.record(refused, 2));
    check();
    CHECK_FALSE(k.store->last_month("tdengine-prod", Kept::ip(3)));
}
