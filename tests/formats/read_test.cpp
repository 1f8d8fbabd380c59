// SPDX-License-Identifier: Apache-2.0
// What released versions have written is read by today's program, with the right content. Where the policy says that
// another version is refused (ARCHITECTURE.md, "Formats"), it is refused with a message that says so.
#include <algorithm>
#include <map>

#include "agent/config/last_good.h"
#include "agent/discovery/snapshot_store.h"
#include "agent/discovery/zones_files.h"
#include "agent/endpoint/provider.h"
#include "agent/hostdns/journal.h"
#include "agent/steering/generation.h"
#include "agent/text/dns_text.h"
#include "core/fallback_file.h"
#include "core/file_system.h"
#include "core/plan.h"
#include "core/query_log.h"
#include "core/stats_page.h"
#include "probe/history_store.h"
#include "probe/probe_log.h"
#include "probe/verdict.h"
#include "tests/formats/kept.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using test::kept;

namespace {

const core::IpAddress kAddress = *core::IpAddress::parse("10.0.1.23");

/// The formats that say their version, and the one that is written today.
const std::map<std::string, std::int64_t> kVersions{
    {"plan", core::kPlanVersion},        {"stats", core::StatsPage::kVersion},
    {"snapshot.json", kSnapshotVersion}, {"verdicts.json", probe::kVerdictsVersion},
    {"history", probe::kHistoryVersion}, {"hostdns.json", kJournalVersion},
};

std::string texts(const core::AnswerView& answer) {
    std::string out;
    for (const auto& data : plan_records(answer))
        out += (out.empty() ? "" : " ") + data;
    return out;
}

}  // namespace

TEST_CASE("formats: of every version that a format has now there is a kept file", "[formats]") {
    for (const auto& [name, now] : kVersions) {
        bool found = false;
        for (const auto& version : test::released_versions())
            found = found || test::version_in(name, kept(version, name)) == now;
        INFO(name << " has version " << now << ": keep a file of it, see tests/formats/README.md");
        CHECK(found);
    }
}

TEST_CASE("formats: the plan", "[formats]") {
    for (const auto& version : test::released_versions()) {
        INFO(version);
        const std::string file = kept(version, "plan");
        const auto bytes = core::as_bytes(file);
        const auto plan = core::PlanView::parse({bytes.begin(), bytes.end()});
        REQUIRE(plan);
        CHECK(plan->generation == (7ull << 32) + 3);
        CHECK(plan->boot_id == std::string(32, 'b'));
        CHECK(plan->created_wall_us == test::kWrittenWallUs);
        CHECK(plan->settings.upstream_budget_ms == 1800);
        CHECK(plan->settings.query_log_sample == 10);
        CHECK(plan->settings.client_patience_ms == 10000);  // what 0.1.0 did not write has its default
        CHECK(plan->settings.trust_ad == 0);
        CHECK(plan->listen.at(0).text() == "127.0.0.153:53");
        CHECK(plan->allow.at(0).text() == "127.0.0.0/8");
        CHECK(plan->upstreams.at(0).address.text() == "100.100.2.136:53");
        CHECK(plan->links.at(0).name == "tdengine-prod");
        const auto owner = std::find_if(plan->owners.begin(), plan->owners.end(),
                                        [](const auto& o) { return name_text(o.name) == "gw.example.com"; });
        REQUIRE(owner != plan->owners.end());
        CHECK(owner->ready);
        CHECK(owner->verdicts_until == 1300 * core::kSecond);
        std::map<int, std::string> fresh, stale;
        for (std::uint32_t i = 0; i < owner->rrset_count; ++i) {
            const auto& rrset = plan->rrsets.at(owner->first_rrset + i);
            fresh[rrset.type] = texts(rrset.fresh);
            stale[rrset.type] = texts(rrset.stale);
        }
        CHECK(fresh[1] == "10.0.2.9");
        CHECK(stale[1] == "10.0.2.9 10.0.1.23");
        CHECK(fresh[28] == "2001:db8::1");
    }
}

TEST_CASE("formats: the resolver's statistics and its query log, of its own version only", "[formats]") {
    const test::TempFolder folder;
    for (const auto& version : test::released_versions()) {
        INFO(version);
        const auto page = core::read_stats(test::copy_of(version, "stats", folder.path()));
        const auto queries = core::read_query_log(test::copy_of(version, "queries", folder.path()));
        if (test::version_in("stats", kept(version, "stats")) != core::StatsPage::kVersion) {
            CHECK(page.error().what.find("is not a statistics record of this version") != std::string::npos);
            continue;
        }
        REQUIRE(page);
        CHECK(page->pid == 4242);
        CHECK(page->plan_source == static_cast<std::uint32_t>(core::PlanSource::kDurable));
        CHECK(page->plan_accepted_generation == (7ull << 32) + 3);
        CHECK(page->queries[static_cast<std::size_t>(core::Source::kPrivate)][0][0] == 17);
        CHECK(page->events[static_cast<std::size_t>(core::ResolverEvent::kLoopDetected)] == 3);
        CHECK(page->latency_sum_us == 42);
        CHECK(page->upstreams[0].sent == 5);
        CHECK(page->links[0].answers == 17);
        REQUIRE(queries);
        CHECK(queries->sample == 10);
        REQUIRE(queries->records.size() == 1);
        CHECK(queries->records[0].type == 1);
        CHECK(queries->records[0].took_us == 42);
        CHECK(queries->records[0].name_size == 16);
    }
}

TEST_CASE("formats: the fallback file and the generation", "[formats]") {
    const test::TempFolder folder;
    for (const auto& version : test::released_versions()) {
        INFO(version);
        const core::Fallback fallback = core::parse_fallback(kept(version, "fallback-upstreams"));
        CHECK(fallback.names == std::vector<std::string>{"gw.example.com"});
        CHECK(fallback.listen.at(0).text() == "127.0.0.153:53");
        CHECK(fallback.upstreams.at(0).text() == "100.100.2.136:53");
        CHECK(fallback.allow.empty() == (version == "0.1.0"));  // has none: loopback alone may ask
        core::Message problem;
        const Generation generation(test::copy_of(version, "generation", folder.path()), 0, &problem);
        CHECK(generation.current() == 8ull << 32);
        CHECK(problem.empty());
    }
}

TEST_CASE("formats: the snapshot", "[formats]") {
    for (const auto& version : test::released_versions()) {
        INFO(version);
        const auto snapshot = parse_snapshot(kept(version, "snapshot.json"));
        REQUIRE(snapshot);
        CHECK(snapshot->region == "cn-hangzhou");
        CHECK(snapshot->zone == "cn-hangzhou-h");
        CHECK(snapshot->written_wall_us == test::kWrittenWallUs);
        CHECK(snapshot->api_hosts.at("privatelink-vpc.cn-hangzhou.aliyuncs.com").size() == 1);
        const SourceRecord& source = snapshot->sources.at("ep-bp1example");
        CHECK(describe(source.addresses) == "10.0.1.23 (cn-hangzhou-h), 2001:db8::1 (cn-hangzhou-h)");
        CHECK(source.confirmed_wall_us == test::kWrittenWallUs);
        CHECK(source.changed_wall_us == test::kWrittenWallUs - core::kHour);
        CHECK(source.report.connection_status == "Connected");
        CHECK(source.report.zones.at(1).status == "Wait");
        CHECK(snapshot->sources.at("find:service=x").report.parts.at(0) == source.report);
    }
}

TEST_CASE("formats: a zones file, which is Alibaba Cloud's form", "[formats]") {
    for (const auto& version : test::released_versions()) {
        INFO(version);
        const auto report = parse_zones_file("zones.json", kept(version, "zones.json"));
        REQUIRE(report);
        CHECK(describe(ready_addresses(*report, {})) == "10.0.1.23 (cn-hangzhou-h), 2001:db8::1 (cn-hangzhou-h)");
    }
}

TEST_CASE("formats: verdicts, while they are young", "[formats]") {
    for (const auto& version : test::released_versions()) {
        INFO(version);
        test::FakeClock clock(1000 * core::kSecond, test::kWrittenWallUs + core::kMinute);
        probe::VerdictBook book(clock);
        book.set_targets({{{"tdengine-prod", kAddress, "", "", std::make_shared<probe::ProbeSpec>()}, {}}});
        const auto taken = book.restore(kept(version, "verdicts.json"), 5 * core::kMinute);
        REQUIRE(taken);
        CHECK(*taken == 1);
        const auto* health = book.find("tdengine-prod", kAddress);
        CHECK(health->verdict.path == probe::State::kDown);
        CHECK(health->since_wall_us == test::kWrittenWallUs + 30 * core::kSecond);
    }
}

TEST_CASE("formats: the history", "[formats]") {
    const test::TempFolder folder;
    for (const auto& version : test::released_versions()) {
        INFO(version);
        test::FakeClock clock(1000 * core::kSecond, test::kWrittenWallUs + core::kMinute);
        probe::HistoryStore history(nullptr, clock, test::copy_of(version, "history", folder.path()));
        CHECK(history.problem().empty());
        CHECK(history.addresses() == 1);
        for (const auto resolution : {probe::Resolution::kMinute, probe::Resolution::kHour}) {
            const auto rollups = history.rollups("tdengine-prod", kAddress, resolution, 0);
            REQUIRE(rollups);
            REQUIRE(rollups->size() == 1);
            CHECK(rollups->at(0).attempts == 4);
            CHECK(rollups->at(0).failures == 3);
            CHECK(rollups->at(0).reasons[0].reason == probe::Reason::kTcpRefused);
        }
        const auto failures = history.failures("tdengine-prod", kAddress);
        REQUIRE(failures.size() == 3);
        CHECK(failures[0].wall_us == test::kWrittenWallUs + 10 * core::kSecond);
        CHECK(failures[0].detail == "connect: refused by 10.0.1.23");
        CHECK(failures[0].zone == "cn-hangzhou-h");
        CHECK(failures[2].state == probe::State::kDown);
    }
}

TEST_CASE("formats: a reason keeps its number, which is in history files", "[formats]") {
    for (const auto& version : test::released_versions()) {
        INFO(version);
        std::string now;
        for (int i = 1; i < static_cast<int>(probe::Reason::kCount); ++i)
            now += std::string(to_string(static_cast<probe::Reason>(i))) + "\n";
        CHECK(now.starts_with(kept(version, "reasons")));
        CHECK_FALSE(kept(version, "reasons").empty());
    }
}

TEST_CASE("formats: the probe log", "[formats]") {
    const test::TempFolder folder;
    for (const auto& version : test::released_versions()) {
        INFO(version);
        probe::ProbeLogReader log(test::copy_of(version, "probe.log", folder.path()));
        const auto good = log.next({}), failed = log.next({});
        REQUIRE(good);
        CHECK(good->ok);
        CHECK(good->total_us == 4360);
        CHECK(good->http_status == 200);
        CHECK(good->local_port == 40123);
        REQUIRE(good->tls);
        CHECK(good->tls->version == "TLSv1.3");
        CHECK(good->tls->certificate.names.at(1) == "*.example.com");
        REQUIRE(failed);
        CHECK(failed->reason == probe::Reason::kTcpRefused);
        CHECK(failed->detail == "connect: refused by 10.0.1.23");
        int more = 0;
        while (log.next({}))
            ++more;
        CHECK(more == 2);
        CHECK(log.skipped() == 0);
    }
}

TEST_CASE("formats: the journal of the host's DNS", "[formats]") {
    for (const auto& version : test::released_versions()) {
        INFO(version);
        auto journal = parse_journal(kept(version, "hostdns.json"));
        REQUIRE(journal);
        CHECK(journal->state == TakeoverState::kOn);
        CHECK(journal->decision.file == FileWay::kDhclient);
        CHECK(journal->target.listen.text() == "127.0.0.153:53");
        CHECK(journal->target.names.size() == 1);
        const JournalEntry* entry = journal->find("/etc/resolv.conf");
        REQUIRE(entry != nullptr);
        CHECK(entry->before.content == "domain lab.example\nsearch lab.example\nnameserver 10.0.0.1\n");
        CHECK(entry->before.mode == 0640);
        CHECK(entry->before.gid == 7);
    }
}

TEST_CASE("formats: the configuration with every key, as the last good copy", "[formats]") {
    const test::TempFolder folder;
    for (const auto& version : test::released_versions()) {
        INFO(version);
        std::string text = kept(version, "last-good.toml");
        const std::string path = folder / "postern.toml",
                          broken = "[agent]\nstate_dir = \"" + folder.path() + "\"\n[oops";
        const auto config = parse_config(path, text);
        INFO((config ? "" : format_issue(path, config.error().front())));
        REQUIRE(config);
        CHECK(config->links.size() == 4);

        // A copy is of one file alone, so it is tried with the name of ours.
        const std::string mark = "/etc/postern/postern.toml\n";
        REQUIRE(text.ends_with(mark));
        text.replace(text.size() - mark.size(), mark.size(), path + "\n");
        REQUIRE(core::write_file(path, core::as_bytes(broken), 0600, false));
        REQUIRE(core::write_file(folder / "last-good.toml", core::as_bytes(text), 0600, false));
        const auto usable = load_usable_config(path);
        REQUIRE(usable);
        CHECK_FALSE(usable->mistakes.empty());
        CHECK(usable->config.links.size() == 4);
    }
}
