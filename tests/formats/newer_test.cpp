// SPDX-License-Identifier: Apache-2.0
// A program that meets a file of a newer version: it says so, works on, and the file is there when the newer program
// comes back.
#include "agent/discovery/snapshot_store.h"
#include "core/fallback_file.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/query_log.h"
#include "core/random.h"
#include "probe/history_store.h"
#include "probe/record.h"
#include "resolver/plan_files.h"
#include "resolver/stats_writer.h"
#include "tests/formats/kept.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

std::string newest(const std::string& name) {
    return test::kept(test::released_versions().back(), name);
}

std::string put(const std::string& path, const std::string& content) {
    REQUIRE(core::write_file(path, core::as_bytes(content), 0600, false));
    return path;
}

std::string content_of(const std::string& path) {
    return core::read_file(path, 4u << 20).value_or("");
}

}  // namespace

TEST_CASE("newer: a plan is refused as bad_version, and the one beside it is used", "[formats]") {
    const test::TempFolder folder;
    const std::string current = put(folder / "plan", test::newer("plan", newest("plan")));
    std::string refused;
    const auto on_refused = [&](const std::string& path, core::PlanSource, core::PlanFault fault) {
        refused += path + " " + std::string(to_string(fault));
    };
    const resolver::PlanPaths paths{{current, folder / "durable"}, ""};
    CHECK_FALSE(resolver::choose_plan(paths, on_refused));
    CHECK(refused == current + " bad_version");
    put(folder / "durable", newest("plan"));
    const auto found = resolver::choose_plan(paths, on_refused);
    REQUIRE(found);
    CHECK(found->source == core::PlanSource::kDurable);
}

TEST_CASE("newer: the statistics are refused, and writing over a longer file leaves a whole one", "[formats]") {
    const test::TempFolder folder;
    const std::string path = put(folder / "stats", test::newer("stats", newest("stats")) + std::string(512, 'x'));
    const std::string refused = " is not a statistics record of this version";
    CHECK(core::read_stats(path).error().what == path + refused);
    put(path, test::newer("stats", newest("stats")));
    CHECK(core::read_stats(path).error().what == path + refused);

    put(path, test::newer("stats", newest("stats")) + std::string(512, 'x'));
    CHECK(core::read_query_log(put(folder / "queries", newest("queries") + std::string(400000, 'x'))).error().what ==
          folder / "queries is not a query log of this version");

    test::FakeClock clock;
    core::SeededRandom random(1);
    resolver::StatsWriter stats(clock, random, path);
    stats.write_now();
    CHECK(core::read_stats(path));
}

TEST_CASE("newer: a snapshot is not used, and kept beside the new one", "[formats]") {
    const test::TempFolder folder;
    const std::string later = test::newer("snapshot.json", newest("snapshot.json"));
    const std::string path = put(folder / "snapshot.json", later);
    core::Loop loop;
    {
        SnapshotStore store(loop, path);
        const auto loaded = store.load();
        CHECK_FALSE(loaded.found);
        REQUIRE(loaded.problems.size() == 1);
        CHECK(loaded.problems[0].what.find("has version 2, this program reads 1") != std::string::npos);
        CHECK(loaded.problems[0].hint.find("kept as " + path + ".unusable") != std::string::npos);
        auto mine = parse_snapshot(newest("snapshot.json"));
        REQUIRE(mine);
        store.save(*mine);
        store.flush();
        loop.run();
        CHECK(load_snapshot(path).snapshot == *mine);
        CHECK(content_of(path + ".unusable") == later);
    }
    CHECK(loop.close());
}

TEST_CASE("newer: a history is kept beside the new one", "[formats]") {
    const test::TempFolder folder;
    const std::string later = test::newer("history", newest("history"));
    const std::string path = put(folder / "history", later);
    CHECK(probe::failures_in_file(path, {}).error().what == "a history file of another version");
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    test::FakeClock clock;
    const probe::HistoryStore history(nullptr, clock, path);
    core::capture_log({});
    CHECK(history.problem().empty());
    CHECK(history.addresses() == 0);
    CHECK(content_of(path + ".unusable") == later);
}

TEST_CASE("newer: a journal stops every change of the host but its way back, and is kept", "[formats]") {
    test::Lab lab(test::dhclient_host());
    REQUIRE(lab.enable());
    const std::string path = lab.folder / "hostdns.json", later = test::newer("hostdns.json", content_of(path));
    put(path, later);
    const auto files = lab.host.files;
    for (const auto& done : {lab.enable(), lab.takeover().reapply({test::kName}), lab.takeover().suspend("tried"),
                             lab.takeover().resume({test::kName}), lab.takeover().recover(true)}) {
        REQUIRE_FALSE(done);
        CHECK(done.error().what.find("the journal has version 2, this program reads 1") == 0);
        CHECK(done.error().hint.find("postern dns disable") != std::string::npos);
    }
    CHECK(lab.host.files == files);
    CHECK(content_of(path) == later);
    lab.served.upstreams = {*core::SocketAddress::parse("10.0.0.1", 53)};
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.read(kResolvConf).value_or("").find("nameserver 10.0.0.1\n") != std::string::npos);
    CHECK_FALSE(lab.host.reaches(test::kUs.ip, test::kName));
    CHECK(content_of(path + ".refused") == later);
}

TEST_CASE("newer: lines, keys and words that are not known are passed over", "[formats]") {
    const auto fallback = core::parse_fallback("allow 10.0.0.0/8\nlater x y\n" + newest("fallback-upstreams"));
    CHECK(fallback.names.size() == 1);
    CHECK(fallback.upstreams.size() == 1);

    std::string line = newest("probe.log");
    line.resize(line.find('\n'));
    line.replace(line.find("\"reason\":null"), 13, "\"reason\":\"of_later\"");
    line.insert(line.size() - 1, ",\"later\":{\"x\":1}");
    const auto record = probe::parse_record(line);
    REQUIRE(record);
    CHECK(record->total_us == 4360);
    CHECK(record->reason == probe::Reason::kNone);
}
