// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/zones_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_system.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using core::Code;
using core::kSecond;
using core::Micros;

namespace {

std::string zones(const std::string& ip) {
    return R"({"RequestId":"R","Zones":[{"ZoneId":"h","ZoneStatus":"Connected","EniIp":")" + ip + R"("}]})";
}

/// A file, and reads of it without a loop: at once, within the call.
struct Bench {
    test::TempFolder folder;
    std::string path = folder / "zones.json";
    test::FakeClock clock;
    ZonesFiles files{clock, nullptr};

    /// Rewritten in place, `age` ago.
    void write(const std::string& text, Micros age) const {
        const core::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        const Micros when = clock.wall_us() - age;
        const timespec times[2] = {{when / kSecond, when % kSecond * 1000}, {when / kSecond, when % kSecond * 1000}};
        REQUIRE(::futimens(fd.get(), times) == 0);
    }
    core::Result<EndpointReport> read() {
        std::optional<core::Result<EndpointReport>> out;
        files.read(path, [&out](auto report) { out.emplace(std::move(report)); });
        REQUIRE(out);
        return *out;
    }
    std::string address() {
        const auto report = read();
        return report && !report->zones.empty() && report->zones[0].ipv4 ? report->zones[0].ipv4->text() : "";
    }
};

}  // namespace

TEST_CASE("zones file: a saved reply is the report of a connected endpoint", "[zones_files]") {
    const auto report = parse_zones_file("/etc/postern/z.json", zones("10.0.0.1"));
    REQUIRE(report);
    CHECK(report->endpoint_id == "/etc/postern/z.json");
    CHECK(report->request_id == "R");
    CHECK(describe(ready_addresses(*report, {})).starts_with("10.0.0.1"));
    CHECK(ready_addresses(*report, {"other"}).empty());
}

TEST_CASE("zones file: it is as old as it says", "[zones_files]") {
    const auto written = [](const std::string& at) {
        return parse_zones_file("/z.json", zones("10.0.0.1").insert(1, "\"WrittenAt\":" + at + ","));
    };
    CHECK(written("\"2026-11-30T08:00:00Z\"")->written_wall_us == core::parse_utc("2026-11-30T08:00:00Z"));
    CHECK(written("null")->written_wall_us == 0);
    for (const char* no_time : {"7", "\"\"", "\"yesterday\"", "\"2026-11-30\"", "{}"}) {
        INFO(no_time);
        const auto report = written(no_time);
        REQUIRE_FALSE(report);
        CHECK(report.error().what == "/z.json does not say when it was written: WrittenAt is no time");
    }
}

TEST_CASE("zones file: what is no whole reply is refused, and the file is named", "[zones_files]") {
    const std::string texts[] = {"",
                                 "{}",
                                 "[]",
                                 "null",
                                 "<html>",
                                 zones("10.0.0.1").substr(0, 60),
                                 R"({"Code":"Forbidden","Message":"no"})",
                                 R"({"Zones":"none"})",
                                 R"({"Zones":[],"NextToken":"more"})",
                                 std::string("\0\0\0\0", 4),
                                 "{\"Zones\":[\"\xff\"]}",
                                 std::string(100, '[')};
    for (const auto& text : texts) {
        INFO(text);
        const auto report = parse_zones_file("/z.json", text);
        REQUIRE_FALSE(report);
        CHECK(report.error().code == Code::kFileCorrupt);
        CHECK(report.error().what.starts_with("/z.json "));
        CHECK_FALSE(report.error().hint.empty());
    }
}

TEST_CASE("zones files: a new state is read, the same one again is not", "[zones_files]") {
    Bench b;
    b.write(zones("10.0.0.1"), 10 * kSecond);
    CHECK(b.address() == "10.0.0.1");
    b.write(zones("10.0.0.2"), 5 * kSecond);
    CHECK(b.address() == "10.0.0.2");
    b.write(zones("10.0.0.3"), 5 * kSecond);  // the same size and time, long settled: nobody can tell
    CHECK(b.address() == "10.0.0.2");
    b.files.forget(b.path);
    CHECK(b.address() == "10.0.0.3");
}

TEST_CASE("zones files: read so soon after it was written that the next write has the same time, it is read again",
          "[zones_files]") {
    Bench b;
    b.write(zones("10.0.0.1"), kSecond);
    CHECK(b.address() == "10.0.0.1");
    b.write(zones("10.0.0.2"), kSecond);
    CHECK(b.address() == "10.0.0.2");
    b.write(zones("10.0.0.3"), -60 * kSecond);  // of a writer whose clock is ahead
    CHECK(b.address() == "10.0.0.3");
    b.write(zones("10.0.0.4"), -60 * kSecond);
    CHECK(b.address() == "10.0.0.4");
}

TEST_CASE("zones files: while it is rewritten in place it gives the previous report, afterwards the error",
          "[zones_files]") {
    Bench b;
    b.write(zones("10.0.0.1"), 10 * kSecond);
    REQUIRE(b.address() == "10.0.0.1");
    b.write("{\"Zones\":[", kSecond);
    CHECK(b.address() == "10.0.0.1");
    b.clock.advance(2 * kSecond);
    CHECK(b.read().error().code == Code::kFileCorrupt);
    b.write("", kSecond);  // again being written: nothing new, good or bad
    CHECK(b.read().error().code == Code::kFileCorrupt);
    b.write(zones("10.0.0.2"), 0);
    CHECK(b.address() == "10.0.0.2");
    b.write("", -kSecond);  // a time to come excuses nothing
    CHECK_FALSE(b.read());
}

TEST_CASE("zones files: the first read of a file that is being written has nothing to go by", "[zones_files]") {
    Bench b;
    b.write("{", 0);
    CHECK(b.read().error().code == Code::kFileCorrupt);
}

TEST_CASE("zones files: what is no readable file is an error at once", "[zones_files]") {
    Bench b;
    CHECK(b.read().error().code == Code::kFileMissing);
    REQUIRE(::mkfifo(b.path.c_str(), 0600) == 0);
    CHECK(b.read().error().code == Code::kFileUnreadable);
    REQUIRE(::unlink(b.path.c_str()) == 0);
    REQUIRE(::mkdir(b.path.c_str(), 0700) == 0);
    CHECK(b.read().error().code == Code::kFileUnreadable);
    REQUIRE(::rmdir(b.path.c_str()) == 0);
    REQUIRE(::symlink(b.path.c_str(), b.path.c_str()) == 0);
    CHECK_FALSE(b.read());
    REQUIRE(::unlink(b.path.c_str()) == 0);
    b.write(std::string((1 << 20) + 1, ' '), 10 * kSecond);
    CHECK(b.read().error().code == Code::kTooLarge);
    b.write(zones("10.0.0.1") + std::string(1000, '\n'), 10 * kSecond);
    CHECK(b.address() == "10.0.0.1");
    REQUIRE(::unlink(b.path.c_str()) == 0);
    CHECK(b.read().error().code == Code::kFileMissing);
    b.write("{", 0);  // it was gone: the previous report no longer counts
    CHECK_FALSE(b.read());
}

TEST_CASE("zones files: with a loop it is read off it, and tells of a change", "[zones_files]") {
    const test::TempFolder folder;
    const std::string path = folder / "zones.json";
    core::Loop loop;
    const auto put = [&](const std::string& text) {
        REQUIRE(core::write_file(path, core::as_bytes(text), 0600, false));
    };
    std::optional<core::Result<EndpointReport>> report;
    {
        core::SystemClock clock(loop);
        ZonesFiles files(clock, &loop);
        std::vector<std::string> changed;
        files.changed = [&](const std::string& which) { changed.push_back(which); };
        put(zones("10.0.0.1"));
        const auto read = [&] {
            report.reset();
            files.read(path, [&](auto r) { report.emplace(std::move(r)); });
            CHECK_FALSE(report);
            while (!report)
                loop.run_once();
            return report->has_value();
        };
        CHECK(read());
        put(zones("10.0.0.2"));
        while (changed.empty())
            loop.run_once();
        CHECK(changed.front() == path);
        REQUIRE(read());
        CHECK((*report)->zones.at(0).ipv4->text() == "10.0.0.2");
        report.reset();
        files.read(path, [&](auto r) { report.emplace(std::move(r)); });
        files.forget(path);
        while (!report)
            loop.run_once();
        CHECK(report->has_value());  // asked is answered, though nobody asks for the file any more
        report.reset();
        files.read(path, [&](auto r) { report.emplace(std::move(r)); });
    }
    CHECK(loop.close());
    CHECK_FALSE(report);  // what was under way has ended, and called nobody
}
