// SPDX-License-Identifier: Apache-2.0
// The statistics as the agent finds them on disk.
#include "resolver/stats_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_system.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::resolver;

namespace {

/// A writer, and the warnings that it logs.
struct Written {
    explicit Written(const std::string& path) : stats(clock, random, path) {
        core::capture_log([this](core::Level, std::string_view event, const std::string& line) {
            if (event == "stats_write_failed") warnings.push_back(line);
        });
    }
    ~Written() { core::capture_log({}); }
    std::uint64_t failures() {
        return stats.page().events[static_cast<std::size_t>(core::ResolverEvent::kStatsWriteFailed)];
    }

    test::FakeClock clock;
    core::SeededRandom random{1};
    StatsWriter stats;
    std::vector<std::string> warnings;
};

}  // namespace

TEST_CASE("statistics: written every 200 ms at most, readable as a complete record, created again when deleted",
          "[stats]") {
    const test::TempFolder folder;
    test::FakeClock clock;
    core::SeededRandom random(1);
    const std::string path = folder / "stats";
    StatsWriter stats(clock, random, path);
    stats.page().cache_hits = 7;
    stats.touch();
    CHECK_FALSE(core::read_stats(path));
    clock.advance(200 * core::kMillisecond);
    REQUIRE(core::read_stats(path));
    CHECK(core::read_stats(path)->cache_hits == 7);
    CHECK(clock.idle());
    ::unlink(path.c_str());
    stats.write_now();
    CHECK(core::read_stats(path));
}

TEST_CASE("statistics: they say which process writes them, since when, and that they are complete", "[stats]") {
    const test::TempFolder folder;
    Written w(folder / "stats");
    const core::Micros began = w.clock.wall_us();
    w.clock.advance(core::kSecond);
    for (int i = 0; i < 2; ++i)
        w.stats.write_now();
    const auto read = core::read_stats(folder / "stats");
    REQUIRE(read);
    CHECK(read->pid == ::getpid());
    CHECK(read->start_id != 0);
    CHECK(read->started_wall_us == began);
    CHECK(read->updated_mono_us == w.clock.mono_us());
    CHECK(read->write_begin == 2);
    CHECK(read->write_end == 2);
}

TEST_CASE("statistics: no file, no timer and no warning without a path", "[stats]") {
    Written w("");
    w.stats.touch();
    w.stats.write_now();
    CHECK(w.clock.idle());
    CHECK(w.failures() == 0);
    CHECK(w.warnings.empty());
}

TEST_CASE("statistics: the agent's group can read them, whatever the umask and whatever was there", "[stats]") {
    const test::TempFolder folder;
    const std::string path = folder / "stats";
    REQUIRE(core::write_file(path, core::Bytes(sizeof(core::StatsPage) + 100, 'x'), 0600, false));
    Written w(path);
    w.stats.write_now();
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0640);
    CHECK(info.st_size == static_cast<off_t>(sizeof(core::StatsPage)));
    CHECK(core::read_stats(path));
    // Replaced: the one with the name is the one that is written.
    REQUIRE(::rename(path.c_str(), (folder / "old").c_str()) == 0);
    const mode_t before = ::umask(0777);
    w.stats.write_now();
    ::umask(before);
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0640);
    CHECK(core::read_stats(path)->write_end == 2);
    CHECK(core::read_stats(folder / "old")->write_end == 1);
}

TEST_CASE("statistics: what can't be written is counted each time and said once, until it works", "[stats]") {
    const test::TempFolder folder;
    const std::string path = folder / "stats";
    Written w(path);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);  // nobody reads it
    for (int i = 0; i < 3; ++i)
        w.stats.write_now();
    CHECK(w.failures() == 3);
    REQUIRE(w.warnings.size() == 1);
    {
        const core::UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        w.stats.write_now();
        char c = 0;
        CHECK(::read(reader.get(), &c, 1) <= 0);
    }
    ::unlink(path.c_str());
    const core::UniqueFd elsewhere(::open((folder / "note").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(::symlink("note", path.c_str()) == 0);
    w.stats.write_now();
    CHECK(w.failures() == 5);
    CHECK(core::read_file(folder / "note", 100)->empty());
    ::unlink(path.c_str());
    w.stats.write_now();
    CHECK(w.failures() == 5);
    CHECK(core::read_stats(path)->write_end == w.stats.page().write_end);
    ::unlink(path.c_str());
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    w.stats.write_now();
    REQUIRE(w.warnings.size() == 2);
    CHECK(w.warnings[1].find("Is a directory") != std::string::npos);
}

TEST_CASE("statistics: a latency is counted in the first bucket that holds it", "[stats]") {
    core::StatsPage page;
    const auto& bounds = core::kLatencyBoundsUs;
    observe(page, bounds[0], 3);
    observe(page, bounds[0] + 1);
    observe(page, -5, 2);
    observe(page, bounds.back() + 1);
    CHECK(page.latency_buckets[0] == 5);
    CHECK(page.latency_buckets[1] == 1);
    CHECK(page.latency_buckets[bounds.size()] == 1);
    CHECK(page.latency_sum_us == static_cast<std::uint64_t>(4 * bounds[0] + bounds.back() + 2));
}
