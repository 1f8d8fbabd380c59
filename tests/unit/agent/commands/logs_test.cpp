// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "probe/probe_log.h"
#include "tests/unit/agent/commands/captured.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::Phase;
using probe::Reason;
using probe::Record;
using probe::State;

namespace {

constexpr Micros kNoon = 1767355200LL * core::kSecond;  // 2026-01-02T12:00:00Z

Record record(int n, const std::string& link, const std::string& ip, Reason reason = Reason::kNone) {
    Record r;
    r.wall_us = kNoon + n * core::kSecond;
    r.link = link;
    r.host = link + ".example.com";
    r.ip = *core::IpAddress::parse(ip);
    r.zone = "cn-hangzhou-h";
    r.ok = reason == Reason::kNone;
    r.reason = reason;
    r.phase = r.ok ? Phase::kCount : Phase::kConnect;
    r.total_us = 1500;
    r.path = r.service = r.state = r.prev_state = r.ok ? State::kUp : State::kDown;
    r.seq = static_cast<std::uint64_t>(n);
    return r;
}

struct Bench : Host {
    std::string log = folder / "state/probe.log";
    LogsCommand command;

    Bench() { command.config = file; }
    void put(const std::vector<Record>& records, const std::string& before = "") const {
        std::string text = before;
        for (const auto& r : records)
            text += probe::to_json(r) + "\n";
        write(log, text);
    }
    static std::ptrdiff_t lines(const Printed& p) { return std::count(p.out.begin(), p.out.end(), '\n'); }
};

}  // namespace

TEST_CASE("logs: each filter leaves what it names, all of them what all of them name", "[logs]") {
    Bench b;
    Record changed = record(3, "b", "10.0.0.2", Reason::kTcpRefused);
    changed.prev_state = State::kUp;
    b.put({record(1, "a", "10.0.0.1"), record(2, "a", "10.0.0.2", Reason::kTcpTimeout), changed,
           record(4, "b", "fd00::1")});
    const auto seen = [&](auto change) {
        LogsCommand command = b.command;
        change(command.filter);
        const Printed p = run(command);
        CHECK(p.code == kExitGood);
        CHECK(p.err.empty());
        return Bench::lines(p);
    };
    CHECK(seen([](auto&) {}) == 4);
    CHECK(seen([](auto& f) { f.link = "a"; }) == 2);
    CHECK(seen([](auto& f) { f.ip = core::IpAddress::parse("10.0.0.2"); }) == 2);
    CHECK(seen([](auto& f) { f.state = State::kDown; }) == 2);
    CHECK(seen([](auto& f) { f.reason = Reason::kTcpTimeout; }) == 1);
    CHECK(seen([](auto& f) { f.since_wall_us = kNoon + 3 * core::kSecond; }) == 2);
    CHECK(seen([](auto& f) { f.until_wall_us = kNoon + 2 * core::kSecond; }) <= 2);
    CHECK(seen([](auto& f) {
              f.link = "b";
              f.ip = core::IpAddress::parse("10.0.0.2");
              f.state = State::kDown;
          }) == 1);
    LogsCommand nobody = b.command;  // neither configured nor in the log
    nobody.filter.link = "nobody";
    const Printed unknown = run(nobody);
    CHECK(unknown.code == kExitUnknown);
    CHECK(unknown.out.empty());
    CHECK(has(unknown.err, "there is no link"));
    const Printed all = run(b.command);
    CHECK(has(all.out, "tcp_timeout after 1.5 ms: connect"));
    CHECK(has(all.out, "up → "));
    CHECK(all.out.find("10.0.0.1") < all.out.find("fd00::1"));
}

TEST_CASE("logs: the last fifty, as many as asked, or everything since a time", "[logs]") {
    Bench b;
    std::vector<Record> many;
    for (int n = 0; n < 200; ++n)
        many.push_back(record(n, "a", "10.0.0.1"));
    b.put(many);
    CHECK(Bench::lines(run(b.command)) == 50);
    b.command.count = 7;
    const Printed seven = run(b.command);
    CHECK(Bench::lines(seven) == 7);
    b.command.format = LogsCommand::Format::kJson;
    const std::string last = run(b.command).out;
    CHECK(nlohmann::json::parse(last.substr(last.rfind('\n', last.size() - 2) + 1))["seq"] == 199);
    b.command.count = 0;
    CHECK(Bench::lines(run(b.command)) == 0);
    b.command.count = 1000000;
    CHECK(Bench::lines(run(b.command)) == 200);
    b.command.count.reset();
    b.command.filter.since_wall_us = kNoon;
    CHECK(Bench::lines(run(b.command)) == 200);
}

TEST_CASE("logs: lines that are no records are skipped, and counted", "[logs]") {
    Bench b;
    b.put({record(1, "a", "10.0.0.1"), record(2, "a", "10.0.0.1")},
          "\n{\"ts\":\"2026\nnull\n[]\n{}\n" + std::string("\0\0\xff\n", 4) + std::string(100000, '{') + "\n");
    b.command.count = 50;
    const Printed p = run(b.command);
    CHECK(p.code == kExitGood);
    CHECK(Bench::lines(p) == 2);
    CHECK(has(p.err, "are not records and were skipped"));
}

TEST_CASE("logs: what others wrote can't draw on the terminal, and is whole JSON for machines", "[logs]") {
    Bench b;
    Record evil = record(1, "a\x1b[2J", "10.0.0.1", Reason::kHttpProtocol);
    evil.zone = "z\x1b]0;t\x07";
    evil.detail = "x\r\x1b[31m\xff\xfe";
    b.put({evil});
    for (const auto format : {LogsCommand::Format::kShort, LogsCommand::Format::kWide}) {
        b.command.format = format;
        const Printed p = run(b.command);
        CHECK(Bench::lines(p) == 1);
        CHECK(harmless(p.out));
    }
    b.command.format = LogsCommand::Format::kJson;
    const Printed p = run(b.command);
    CHECK(harmless(p.out));
    CHECK(nlohmann::json::parse(p.out)["link"] == "a\x1b[2J");
}

TEST_CASE("logs: no log is said with the next step, and is nothing good", "[logs]") {
    Bench b;
    const Printed none = run(b.command);
    CHECK(none.code == kExitUnknown);
    CHECK(none.out.empty());
    CHECK(has(none.err, "postern status"));
    REQUIRE(::mkdir(b.log.c_str(), 0700) == 0);
    CHECK(run(b.command).out.empty());
    b.command.config = b.folder / "none.toml";
    CHECK(run(b.command).code == kExitUnknown);
}
