// SPDX-License-Identifier: Apache-2.0
// Writes this program's file of every format into the folder $POSTERN_FORMATS_OUT, with the code that writes them in the
// field. Not a test: run by name, once for each release (README.md).
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "agent/config/config_keys.h"
#include "agent/config/last_good.h"
#include "agent/discovery/snapshot_store.h"
#include "agent/steering/drain_file.h"
#include "agent/steering/generation.h"
#include "agent/steering/plan_compiler.h"
#include "core/fallback_file.h"
#include "core/file_system.h"
#include "core/query_log.h"
#include "core/random.h"
#include "probe/history_store.h"
#include "probe/probe_log.h"
#include "resolver/query_log.h"
#include "resolver/stats_writer.h"
#include "tests/formats/kept.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

core::IpAddress ip(const char* text) {
    return *core::IpAddress::parse(text);
}
core::SocketAddress at(const char* text) {
    return *core::SocketAddress::parse(text, 53);
}

/// Results of one address: a success, then failures until its path is down.
std::vector<probe::ProbeResult> results() {
    std::vector<probe::ProbeResult> out;
    for (int i = 0; i < 4; ++i) {
        probe::ProbeResult r;
        r.link = "tdengine-prod";
        r.host = "gw.example.com";
        r.zone = "cn-hangzhou-h";
        r.endpoint = "ep-bp1example";
        r.ip = ip("10.0.1.23");
        r.started_wall_us = test::kWrittenWallUs + i * 10 * core::kSecond;
        r.ok = i == 0;
        r.phase_us = {412, 3000, 10, 888, 50};
        r.total_us = 4360;
        r.http_status = 200;
        r.sql_code = 0;
        r.local_port = 40123;
        r.tls_version = "TLSv1.3";
        r.tls_cipher = "TLS_AES_256_GCM_SHA384";
        r.certificate.present = true;
        r.certificate.subject = "CN=gw.example.com";
        r.certificate.issuer = "CN=Example CA";
        r.certificate.serial = "01";
        r.certificate.names = {"gw.example.com", "*.example.com"};
        r.certificate.not_before_us = r.started_wall_us - 24 * core::kHour;
        r.certificate.not_after_us = r.certificate.chain_not_after_us = r.started_wall_us + 90 * 24 * core::kHour;
        if (!r.ok) {
            r.phase = probe::Phase::kConnect;
            r.reason = probe::Reason::kTcpRefused;
            r.detail = "connect: refused by 10.0.1.23";
            r.phase_us = {412};
            r.total_us = 412;
            r.http_status.reset();
            r.sql_code.reset();
            r.tls_version = r.tls_cipher = "";
            r.certificate = {};
        }
        out.push_back(std::move(r));
    }
    return out;
}

void write_probes(const std::string& out) {
    test::FakeClock clock(1000 * core::kSecond, test::kWrittenWallUs);
    probe::VerdictBook book(clock);
    book.set_targets({{{"tdengine-prod", ip("10.0.1.23"), "", "", std::make_shared<probe::ProbeSpec>()}, {}}});
    probe::HistoryStore history(nullptr, clock, out + "/history", 2);
    probe::ProbeLog log(nullptr, out + "/probe.log", {.all = true});
    std::uint64_t seq = 0;
    for (const auto& result : results()) {
        const auto record = make_record(result, book.fold(result), ++seq);
        history.add(record);
        log.add(record);
        clock.advance(10 * core::kSecond);
    }
    history.finish();
    const std::string verdicts = book.to_json();
    REQUIRE(core::write_file(out + "/verdicts.json", core::as_bytes(verdicts), 0644, false));
}

void write_for_the_resolver(const std::string& out) {
    PlanInput input;
    input.generation = (7ull << 32) + 3;
    input.boot_id = std::string(32, 'b');
    input.now_wall_us = test::kWrittenWallUs;
    input.dns.listen = {at("127.0.0.153:53")};
    input.dns.allow = {*core::IpPrefix::parse("127.0.0.0/8")};
    input.dns.query_log_sample = 10;
    input.upstreams = {at("100.100.2.136:53")};
    input.upstream_budget_ms = 1800;
    PlanLinkInput link;
    link.name = "tdengine-prod";
    link.host = "gw.example.com";
    link.addresses = make_endpoint_set({{ip("10.0.1.23"), "cn-hangzhou-h", "ep-bp1example"},
                                        {ip("10.0.2.9"), "cn-hangzhou-i", "ep-bp1example"},
                                        {ip("2001:db8::1"), "cn-hangzhou-h", "ep-bp1example"}});
    link.verdicts_until = 1300 * core::kSecond;
    link.decision.fresh = {ip("10.0.2.9"), ip("2001:db8::1")};
    link.decision.stale = {ip("10.0.2.9"), ip("2001:db8::1"), ip("10.0.1.23")};
    input.links = {link};
    const auto plan = compile_plan(input);
    REQUIRE(plan);
    REQUIRE(core::write_file(out + "/plan", *core::serialize(*plan), 0644, false));
    const core::Fallback fallback{input.dns.listen, input.upstreams, {"gw.example.com"}, input.dns.allow};
    REQUIRE(
        core::write_file(out + "/fallback-upstreams", core::as_bytes(core::format_fallback(fallback)), 0644, false));
    core::Message problem;
    const Generation generation(out + "/generation", input.generation - (1ull << 32), &problem);
    REQUIRE(problem.empty());
}

void write_by_the_resolver(const std::string& out) {
    test::FakeClock clock(1000 * core::kSecond, test::kWrittenWallUs);
    core::SeededRandom random(42);
    resolver::StatsWriter stats(clock, random, out + "/stats");
    core::StatsPage& page = stats.page();
    page.pid = 4242;
    page.plan_source = static_cast<std::uint32_t>(core::PlanSource::kDurable);
    page.plan_accepted_generation = (7ull << 32) + 3;
    page.queries[static_cast<std::size_t>(core::Source::kPrivate)][0][0] = 17;
    page.events[static_cast<std::size_t>(core::ResolverEvent::kLoopDetected)] = 3;
    page.upstreams[0].id = upstream_id(at("100.100.2.136:53"));
    page.upstreams[0].sent = 5;
    page.links[0] = {link_id("tdengine-prod"), 0, 17};
    resolver::observe(page, 42);
    stats.write_now();

    core::Bytes question{2, 'g', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 1, 0, 1};
    resolver::ReplyTo from;
    from.proto = core::Proto::kTcp;
    from.peer.v4 = {
        .sin_family = AF_INET, .sin_port = htons(5353), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    resolver::QueryLog queries(clock, random, out + "/queries");
    queries.configure(10);
    queries.keep(question, from, core::Source::kPrivate, 0, 42);
}

void write_state(const std::string& out) {
    Snapshot s;
    s.region = "cn-hangzhou";
    s.zone = "cn-hangzhou-h";
    s.written_wall_us = test::kWrittenWallUs;
    s.api_hosts["privatelink-vpc.cn-hangzhou.aliyuncs.com"] = {ip("100.100.0.1")};
    SourceRecord& r = s.sources["ep-bp1example"];
    r.addresses = {{ip("10.0.1.23"), "cn-hangzhou-h", "ep-bp1example"},
                   {ip("2001:db8::1"), "cn-hangzhou-h", "ep-bp1example"}};
    r.report = {.endpoint_id = "ep-bp1example",
                .status = "Active",
                .business_status = "Normal",
                .connection_status = "Connected",
                .service_name = "com.aliyuncs.privatelink.cn-hangzhou.epsrv-bp1",
                .domain = "ep-bp1example.example.com",
                .request_id = "R-1"};
    r.report.zones = {{"cn-hangzhou-h", "Connected", ip("10.0.1.23"), ip("2001:db8::1"), "h.example.com"},
                      {"cn-hangzhou-i", "Wait", {}, {}, ""}};
    r.confirmed_wall_us = test::kWrittenWallUs;
    r.changed_wall_us = test::kWrittenWallUs - core::kHour;
    SourceRecord& found = s.sources["find:service=x"];
    found = r;
    found.report = {.endpoint_id = "endpoint of x in vpc-1", .search = true, .parts = {r.report}};
    REQUIRE(core::write_file(out + "/snapshot.json", core::as_bytes(format_snapshot(s)), 0644, false));

    const std::vector<Drain> drains{
        {{"cn-hangzhou-h", {}}, test::kWrittenWallUs, test::kWrittenWallUs + core::kHour, "new cable"},
        {{"", ip("10.0.2.9")}, test::kWrittenWallUs, test::kWrittenWallUs + core::kDay, ""}};
    REQUIRE(core::write_file(out + "/drains.json", core::as_bytes(format_drains(drains)), 0644, false));

    test::Lab lab(test::dhclient_host());
    REQUIRE(lab.enable());
    const std::string journal = journal_json(lab.journal());
    REQUIRE(core::write_file(out + "/hostdns.json", core::as_bytes(journal), 0644, false));
}

/// Every key of the table with a value that it takes, in links of their own where they exclude each other.
std::string every_key() {
    std::string out;
    const auto rows = [&](Section section, std::initializer_list<std::string_view> without) {
        for (const KeyRow& row : config_keys()) {
            if (row.section != section || std::find(without.begin(), without.end(), row.name) != without.end())
                continue;
            out += fmt::format("{} = {}\n", row.name, row.good);
        }
    };
    for (const Section section : {Section::kAgent, Section::kDns, Section::kHttp, Section::kAliyun, Section::kFleet}) {
        out += fmt::format("[{}]\n", to_string(section));
        rows(section, {});
    }
    int number = 0;
    for (const std::string_view source : {"endpoint", "addresses", "target", "zones_file"}) {
        const std::string_view token = number % 2 == 0 ? "token_file" : "token_env";
        out += fmt::format("[[link]]\nname = \"link-{0}\"\nhost = \"gw{0}.example.com\"\n", ++number);
        std::vector<std::string_view> without{"name", "host", "endpoint", "addresses", "target", "zones_file"};
        const std::string_view other = token == "token_file" ? "token_env" : "token_file";
        for (const KeyRow& row : config_keys()) {
            if (row.section != Section::kLink) continue;
            const bool left_out = std::find(without.begin(), without.end(), row.name) != without.end() ||
                                  row.name == other || (row.name == "zones" && source != "endpoint") ||
                                  row.name == (source == "target" ? "answer" : "free_stuck");
            if (row.name == source || !left_out) out += fmt::format("{} = {}\n", row.name, row.good);
        }
        out += "[link.probe]\n";
        if (source == "endpoint") {
            rows(Section::kProbe, {"kind", "status", "body_contains", "json"});
        } else if (source == "addresses") {
            out += "kind = \"https\"\n";
            rows(Section::kProbe, {"kind", "sql", "ws"});
        }
    }
    return out;
}

}  // namespace

TEST_CASE("formats: write this program's files", "[.write]") {
    const char* folder = std::getenv("POSTERN_FORMATS_OUT");
    REQUIRE(folder != nullptr);
    const std::string out = folder;
    std::filesystem::create_directories(out);
    write_for_the_resolver(out);
    write_by_the_resolver(out);
    write_probes(out);
    write_state(out);

    std::string words;  // their numbers are in history files
    for (int i = 1; i < static_cast<int>(probe::Reason::kCount); ++i)
        words += std::string(to_string(static_cast<probe::Reason>(i))) + "\n";
    REQUIRE(core::write_file(out + "/reasons", core::as_bytes(words), 0644, false));

    core::Loop loop;
    LastGoodCopy(loop).save(out + "/last-good.toml", "/etc/postern/postern.toml", every_key());
    loop.run();
    CHECK(loop.close());
}
