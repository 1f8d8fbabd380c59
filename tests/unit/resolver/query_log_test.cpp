// SPDX-License-Identifier: Apache-2.0
// The query log: what the handler keeps, what lies in the file, and what a reader makes of a hostile one.
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/file_system.h"
#include "core/log.h"
#include "tests/unit/catch.h"
#include "tests/unit/resolver/handler_kit.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::test;

namespace {

struct Log {
    Log() : bench(1, path) { bench.use(usual_plan()); }
    void ask(const std::string& name, std::uint16_t type = 1) {
        Query q;
        q.name = name;
        q.type = type;
        bench.ask(q);
    }
    std::vector<core::QueryRecord> read() {
        bench.clock.advance(core::kSecond);
        const auto log = core::read_query_log(path);
        return log ? log->records : std::vector<core::QueryRecord>{};
    }

    TempFolder folder;
    std::string path = core::query_log_path(folder.path() + "/stats");
    Bench bench;
};

}  // namespace

TEST_CASE("resolver:query_log: off by default, and its file is removed with it", "[resolver]") {
    Log log;
    log.ask("db.example.");
    CHECK(log.read().empty());
    log.bench.query_log.configure(1);
    log.ask("db.example.");
    CHECK(log.read().size() == 1);
    log.bench.query_log.configure(0);
    log.ask("db.example.");
    log.bench.clock.advance(core::kSecond);
    CHECK(core::read_query_log(log.path).error().code == core::Code::kFileMissing);
}

TEST_CASE("resolver:query_log: a record has the client, the question and the source of the answer", "[resolver]") {
    Log log;
    log.bench.query_log.configure(1);
    const core::Micros asked_at = log.bench.clock.wall_us();
    log.ask("DB.example.", 28);
    log.ask("localhost.");
    log.bench.ask(core::Bytes(12, 0));  // no question at all
    const auto records = log.read();
    REQUIRE(records.size() == 3);
    CHECK(records[0].seq == 1);
    CHECK(std::memcmp(records[0].name.data(), "\2DB\7example", 12) == 0);
    CHECK(records[0].name_size == 12);
    CHECK(records[0].type == 28);
    CHECK(records[0].klass == 1);
    CHECK(records[0].rcode == 0);
    CHECK(records[0].source == static_cast<std::uint8_t>(core::Source::kPrivate));
    CHECK(records[0].client[0] == 127);
    CHECK(records[0].family == 4);
    CHECK(records[0].proto == static_cast<std::uint8_t>(core::Proto::kUdp));
    CHECK(records[0].wall_us == asked_at);
    CHECK(records[0].took_us == 0);
    CHECK(records[1].source == static_cast<std::uint8_t>(core::Source::kLocal));
    CHECK(records[2].name_size == 0);
    CHECK(records[2].rcode == 1);
    struct stat info {};
    REQUIRE(::stat(log.path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0640);
}

TEST_CASE("resolver:query_log: a forwarded question counts when it is answered, with its time", "[resolver]") {
    Log log;
    log.bench.query_log.configure(1);
    log.ask("www.example.");
    CHECK(log.read().empty());
    log.bench.clock.advance(10 * core::kSecond);  // nobody answers
    const auto records = log.read();
    REQUIRE(records.size() == 1);
    CHECK(records[0].source == static_cast<std::uint8_t>(core::Source::kUpstream));
    CHECK(records[0].rcode == 2);
    CHECK(records[0].took_us >= core::kSecond);
}

TEST_CASE("resolver:query_log: the file has the last 1024 queries", "[resolver]") {
    Log log;
    log.bench.query_log.configure(1);
    constexpr std::size_t kAsked = 3000;
    for (std::size_t i = 0; i < kAsked; ++i)
        log.ask("db.example.");
    const auto records = log.read();
    REQUIRE(records.size() == core::QueryLogFile::kSlots);
    CHECK(records.front().seq == kAsked - core::QueryLogFile::kSlots + 1);
    CHECK(records.back().seq == kAsked);
    CHECK(core::read_file(log.path, 1 << 20)->size() == core::QueryLogFile::kBytes);
}

TEST_CASE("resolver:query_log: a sample is about its share, of A and AAAA alike", "[resolver]") {
    Log log;
    log.bench.query_log.configure(16);
    for (int i = 0; i < 4000; ++i) {
        log.ask("db.example.", 1);
        log.ask("db.example.", 28);
    }
    const auto records = log.read();
    const auto a = std::count_if(records.begin(), records.end(), [](auto& r) { return r.type == 1; });
    CHECK(records.size() > 350);
    CHECK(records.size() < 650);
    CHECK(a > 150);
    CHECK(static_cast<long>(records.size()) - a > 150);
}

TEST_CASE("resolver:query_log: a damaged or hostile file gives only valid records", "[resolver]") {
    Log log;
    log.bench.query_log.configure(1);
    for (int i = 0; i < 10; ++i)
        log.ask("db.example.");
    REQUIRE(log.read().size() == 10);
    std::string bytes = *core::read_file(log.path, 1 << 20);
    const auto with = [&](std::size_t at, char c) {
        std::string other = bytes;
        other[at] = c;
        std::ofstream(log.path, std::ios::binary | std::ios::trunc) << other;
        const auto read = core::read_query_log(log.path);
        return read ? static_cast<int>(read->records.size()) : -1;
    };
    const std::size_t third = core::QueryLogFile::offset_of(3);
    CHECK(with(0, 'x') == -1);
    CHECK(with(third, 7) == 9);  // torn
    CHECK(with(third + offsetof(core::QueryRecord, source), 99) == 9);
    CHECK(with(third + offsetof(core::QueryRecord, family), 5) == 9);
    CHECK(with(third + offsetof(core::QueryRecord, name), 70) == 9);           // no label
    CHECK(with(third + offsetof(core::QueryRecord, name_size), 5) == 9);       // ends within one
    CHECK(with(third + offsetof(core::QueryRecord, name_size), '\xff') == 9);  // ends behind it
    for (const std::size_t size : {std::size_t{0}, std::size_t{10}, third + 5}) {
        std::ofstream(log.path, std::ios::binary | std::ios::trunc) << bytes.substr(0, size);
        const auto read = core::read_query_log(log.path);
        CHECK((read ? read->records.size() : 0) == (size > 10 ? 2 : 0));
    }
}

TEST_CASE("resolver:query_log: what is not its own is not removed, not written and not waited for", "[resolver]") {
    const test::TempFolder folder;
    const std::string path = folder / "queries";
    const std::string text = GENERATE(std::string("a note of the administrator\n"), std::string("x"), std::string());
    {
        std::ofstream(path) << text;
        Bench bench(1, path);
        bench.use(usual_plan());
        CHECK(core::read_file(path, 1000).value_or("gone") == text);
        if (!text.empty()) {
            bench.query_log.configure(1);
            Query q;
            bench.ask(q);
            bench.clock.advance(core::kSecond);
            CHECK(core::read_file(path, 1000).value_or("gone") == text);
            bench.query_log.configure(0);
            CHECK(core::read_file(path, 1000).value_or("gone") == text);
        }
    }
    ::unlink(path.c_str());
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    Bench bench(1, path);
    bench.use(usual_plan());
    bench.query_log.configure(1);
    Query q;
    bench.ask(q);
    bench.clock.advance(core::kSecond);
    struct stat info {};
    CHECK(::stat(path.c_str(), &info) == 0);
    CHECK(S_ISFIFO(info.st_mode));
}

TEST_CASE("resolver:query_log: what was kept shortly before the end is written", "[resolver]") {
    const test::TempFolder folder;
    const std::string path = folder / "queries";
    {
        Bench bench(1, path);
        bench.use(usual_plan());
        bench.query_log.configure(1);
        bench.ask(Query{});
    }
    const auto log = core::read_query_log(path);
    REQUIRE(log);
    CHECK(log->records.size() == 1);
}

TEST_CASE("resolver:query_log: turned off, it gives back the space of its file", "[resolver]") {
    // A file that is open has its space although its name is removed.
    Log log;
    log.bench.query_log.configure(1);
    log.ask("db.example.");
    REQUIRE(log.read().size() == 1);
    const auto is_open = [&] {
        for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
            std::error_code closed;
            if (std::filesystem::read_symlink(fd, closed).string().starts_with(log.path)) return true;
        }
        return false;
    };
    CHECK(is_open());
    log.bench.query_log.configure(0);
    CHECK_FALSE(is_open());
}

TEST_CASE("resolver:query_log: what was kept with another sample is not written, and the numbers begin again",
          "[resolver]") {
    const test::TempFolder folder;
    const std::string path = folder / "queries";
    {
        Bench bench(1, path);
        bench.use(usual_plan());
        bench.query_log.configure(1);
        for (int i = 0; i < 3; ++i)
            bench.ask(Query{});
        bench.query_log.configure(0);
        CHECK(bench.clock.idle());
        bench.query_log.configure(1);
        bench.ask(Query{});
        bench.clock.advance(core::kSecond);
        const auto log = core::read_query_log(path);
        REQUIRE(log);
        REQUIRE(log->records.size() == 1);
        CHECK(log->records[0].seq == 1);
        bench.ask(Query{});
        bench.query_log.configure(0);
    }
    CHECK_FALSE(core::read_query_log(path));
}

TEST_CASE("resolver:query_log: when another file takes its name the log says so once", "[resolver]") {
    Log log;
    std::vector<std::string> warnings;
    core::capture_log([&](core::Level, std::string_view event, const std::string& line) {
        if (event == "query_log_failed") warnings.push_back(line);
    });
    log.bench.query_log.configure(1);
    log.ask("db.example.");
    REQUIRE(log.read().size() == 1);
    ::unlink(log.path.c_str());
    std::ofstream(log.path) << "a note of the administrator\n";
    for (int i = 0; i < 2; ++i) {
        log.ask("db.example.");
        log.bench.clock.advance(core::kSecond);
        CHECK(warnings.size() == 1);
    }
    CHECK(core::read_file(log.path, 1000).value_or("gone") == "a note of the administrator\n");
    ::unlink(log.path.c_str());
    log.ask("db.example.");
    CHECK(log.read().size() == 1);
    CHECK(warnings.size() == 1);
    core::capture_log({});
}
