// SPDX-License-Identifier: Apache-2.0
// The history on disk: what is kept and how long; kills, damage, clock changes, full disks.
#include "probe/history_store.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "core/file_system.h"
#include "core/log.h"
#include "core/random.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::probe;
using core::kDay;
using core::kHour;
using core::kMinute;
using core::kSecond;

namespace {

struct Kept {
    test::TempFolder folder;
    test::FakeClock clock;
    std::string path = folder / "history";
    std::vector<std::string> events;
    std::unique_ptr<HistoryStore> store;
    std::uint64_t seq = 0;

    explicit Kept(std::uint32_t most = 8) {
        core::capture_log(
            [this](core::Level, std::string_view event, const std::string&) { events.emplace_back(event); });
        start(most);
    }
    ~Kept() { core::capture_log({}); }

    void start(std::uint32_t most = 8) {
        store.reset();
        store = std::make_unique<HistoryStore>(nullptr, clock, path, most);
    }
    static core::IpAddress ip(int n = 1) { return *core::IpAddress::parse("10.0.1." + std::to_string(n)); }
    Record record(Reason reason = Reason::kNone, int address = 1, core::Micros total_us = 4360) {
        Record r;
        r.wall_us = clock.wall_us();
        r.link = "tdengine-prod";
        r.host = "gw.example.com";
        r.zone = "cn-hangzhou-h";
        r.endpoint = "ep-1";
        r.ip = ip(address);
        r.ok = reason == Reason::kNone;
        r.reason = reason;
        r.phase = r.ok ? Phase::kCount : Phase::kConnect;
        r.phase_us[0] = 412;
        if (r.ok) r.phase_us = {412, 3000, 10, 888, 50};
        r.total_us = r.ok ? total_us : 412;
        if (!r.ok) r.detail = "connect: refused by " + r.ip.text();
        r.path = r.state = r.ok ? State::kUp : State::kDown;
        r.prev_state = State::kUp;
        r.seq = ++seq;
        return r;
    }
    /// One attempt, then advances the clock.
    void probe(Reason reason = Reason::kNone, core::Micros then = 10 * kSecond, int address = 1) {
        store->add(record(reason, address));
        clock.advance(then);
    }
    std::vector<Rollup> rollups(Resolution r, core::Micros since = 0, int address = 1) {
        return store->rollups("tdengine-prod", ip(address), r, since).value_or(std::vector<Rollup>{});
    }
    std::vector<Record> failures(int address = 1) { return store->failures("tdengine-prod", ip(address)); }
    std::optional<Availability> day(int address = 1) { return store->last_day("tdengine-prod", ip(address)); }
};

std::uint32_t attempts(const std::vector<Rollup>& list) {
    std::uint32_t out = 0;
    for (const auto& r : list)
        out += r.attempts;
    return out;
}

constexpr auto ok = Reason::kNone;
constexpr auto refused = Reason::kTcpRefused;

}  // namespace

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
