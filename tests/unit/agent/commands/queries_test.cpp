// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/query_log.h"
#include "tests/unit/agent/commands/captured.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::QueryRecord;

namespace {

QueryRecord record(std::uint64_t seq, std::string_view name) {
    QueryRecord r;
    r.seq = r.seq_again = seq;
    r.wall_us = 1767355200LL * core::kSecond;
    r.took_us = 1230;
    r.type = 1;
    r.klass = 1;
    r.family = 4;
    r.client = {127, 0, 0, 1};
    r.name_size = static_cast<std::uint8_t>(name.size());
    std::memcpy(r.name.data(), name.data(), name.size());
    return r;
}

struct Bench : Host {
    std::string log;
    QueriesCommand command;

    Bench() : Host("[dns]\nquery_log_sample = 1\n") {
        command.config = file;
        log = core::query_log_path(paths_of(config().agent).stats);
        REQUIRE(core::make_folders(core::folder_of(log), 0700));
    }
    void put(const std::vector<QueryRecord>& records) const {
        std::string text(core::QueryLogFile::kBytes, '\0');
        core::QueryLogFile header;
        header.sample = 1;
        std::memcpy(text.data(), &header, sizeof header);
        for (const auto& r : records)
            std::memcpy(text.data() + core::QueryLogFile::offset_of(r.seq), &r, sizeof r);
        write(log, text);
    }
};

using namespace std::string_view_literals;
constexpr std::string_view kName =
    "\x02"
    "db\x07"
    "example\x00"sv;

}  // namespace

TEST_CASE("queries: who asked for what, oldest first, for people and machines", "[queries]") {
    Bench b;
    QueryRecord second = record(2, kName);
    second.rcode = 3;
    second.proto = 1;
    second.type = 65280;
    b.put({second, record(1, kName), record(3, "")});
    const Printed text = run(b.command);
    CHECK(text.code == kExitGood);
    CHECK(std::count(text.out.begin(), text.out.end(), '\n') == 3);
    for (const char* part :
         {"127.0.0.1", "NOERROR", "1.23 ms", "db.example", "NXDOMAIN", "TYPE65280", " tcp", "(no readable question)"})
        CHECK(has(text.out, part));
    b.command.json = true;
    b.command.count = 2;
    const Printed json = run(b.command);
    const auto first = nlohmann::json::parse(json.out.substr(0, json.out.find('\n')));
    CHECK(first["seq"] == 2);
    CHECK(first["name"] == "db.example");
    CHECK(first["rcode"] == "NXDOMAIN");
    CHECK(first["proto"] == "tcp");
    b.command.count = 0;
    CHECK(run(b.command).out.empty());
}

TEST_CASE("queries: what a client asked can't draw on the terminal", "[queries]") {
    Bench b;
    QueryRecord odd = record(1, "\x05\x1b[2J\xff\x00"sv);
    odd.source = 255;
    odd.rcode = 65535;
    odd.took_us = UINT32_MAX;
    odd.wall_us = INT64_MAX;
    QueryRecord other = record(2, std::string(255, '\x3f'));
    other.family = 9;
    b.put({odd, other});
    const Printed text = run(b.command);
    CHECK(text.code == kExitGood);
    CHECK(harmless(text.out));
    b.command.json = true;
    const Printed json = run(b.command);
    CHECK(harmless(json.out));
}

TEST_CASE("queries: no log, a log that is off, and a file that is none are told apart", "[queries]") {
    Bench b;
    const Printed none = run(b.command);
    CHECK(none.code == kExitUnknown);
    CHECK(has(none.err, "there is no query log yet"));
    for (const std::string& text : {std::string(), std::string("text"), std::string(core::QueryLogFile::kBytes, '\0'),
                                    std::string(10 << 20, 'x')}) {
        Host::write(b.log, text);
        const Printed p = run(b.command);
        CHECK(p.code == kExitUnknown);
        CHECK(p.out.empty());
        CHECK_FALSE(p.err.empty());
    }
    REQUIRE(::unlink(b.log.c_str()) == 0);
    b.configure("");
    const Printed off = run(b.command);
    CHECK(off.code == kExitUnknown);
    CHECK(has(off.err, "query_log_sample"));
}
