// SPDX-License-Identifier: Apache-2.0
// Records as JSON lines, the history in memory, the log on disk.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/file_system.h"
#include "core/log.h"
#include "probe/history.h"
#include "probe/probe_log.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;

namespace {

constexpr core::Micros kStart = 1767323045678901;

ProbeResult result_at(core::Micros wall_us, Reason reason = Reason::kNone, std::string ip = "10.0.1.23") {
    ProbeResult r;
    r.link = "tdengine-prod";
    r.host = "db.example.com";
    r.ip = *core::IpAddress::parse(ip);
    r.started_wall_us = wall_us;
    r.ok = reason == Reason::kNone;
    r.reason = reason;
    if (!r.ok) {
        r.phase = Phase::kConnect;
        r.detail = "expected x, found y";
    }
    r.phase_us[0] = 412;
    r.total_us = 412;
    return r;
}

struct Folder {
    std::string path;
    Folder() {
        char name[] = "/tmp/postern-probe-log-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { [[maybe_unused]] const int rc = std::system(("rm -rf " + path).c_str()); }
    std::string log() const { return path + "/probe.log"; }
};

std::string slurp(const std::string& path) {
    return core::read_file(path, 64u << 20).value_or("");
}

Record record_at(core::Micros wall_us, Reason reason = Reason::kNone, std::uint64_t seq = 1) {
    Fold fold;
    fold.before = fold.after = {State::kUp, State::kUp};
    return make_record(result_at(wall_us, reason), fold, seq);
}

}  // namespace

TEST_CASE("record: the JSON line, byte by byte", "[record]") {
    ProbeResult r = result_at(kStart, Reason::kCertNameMismatch);
    r.zone = "cn-hangzhou-h";
    r.endpoint = "ep-bp1";
    r.phase = Phase::kTls;
    r.detail = "expected \"a\",\nfound b";
    r.phase_us = {412, 3120};
    r.total_us = 3532;
    r.local_port = 40123;
    r.tls_version = "TLSv1.3";
    r.tls_cipher = "TLS_AES_128_GCM_SHA256";
    r.tls_group = "x25519";
    r.large_hello = HandshakeFate::kSilent;
    r.certificate = {.present = true,
                     .subject = "CN=other",
                     .issuer = "CN=ca",
                     .fingerprint_sha256 = "00ff",
                     .serial = "0a",
                     .names = {"other", "a\"b"},
                     .not_before_us = kStart - 2 * core::kSecond,
                     .not_after_us = kStart,
                     .chain_not_after_us = kStart - core::kSecond};
    const Fold fold{{State::kUp, State::kUp}, {State::kDown, State::kUnknown}, Pace::kNormal, true};
    const std::string line = to_json(make_record(r, fold, 1234));
    CHECK(
        line ==
        R"({"ts":"2026-01-02T03:04:05.678901Z","link":"tdengine-prod","host":"db.example.com","ip":"10.0.1.23","zone":"cn-hangzhou-h","endpoint":"ep-bp1",)"
        R"("ok":false,"phase":"tls","reason":"cert_name_mismatch","detail":"expected \"a\",\nfound b","connect_us":412,"tls_us":3120,"request_us":null,)"
        R"("ttfb_us":null,"transfer_us":null,"total_us":3532,"http_status":null,"sql_code":null,"cert_not_after":"2026-01-02T03:04:05.678901Z",)"
        R"("path":"down","service":"unknown","state":"down","prev_state":"up","seq":1234,"ws_us":null,"local_port":40123,)"
        R"("tls_version":"TLSv1.3","tls_cipher":"TLS_AES_128_GCM_SHA256","cert_chain_not_after":"2026-01-02T03:04:04.678901Z",)"
        R"("cert_not_before":"2026-01-02T03:04:03.678901Z","cert_subject":"CN=other","cert_issuer":"CN=ca","cert_names":["other","a\"b"],)"
        R"("cert_fingerprint_sha256":"00ff","cert_serial":"0a","tls_group":"x25519","large_hello":"silent"})");
    const auto back = parse_record(line);
    REQUIRE(back);
    CHECK(to_json(*back) == line);
}

TEST_CASE("record: without TLS its keys are there and null", "[record]") {
    const std::string line = to_json(record_at(kStart));
    CHECK(line.ends_with(
        R"("ws_us":null,"local_port":null,"tls_version":null,"tls_cipher":null,"cert_chain_not_after":null,)"
        R"("cert_not_before":null,"cert_subject":null,"cert_issuer":null,"cert_names":null,)"
        R"("cert_fingerprint_sha256":null,"cert_serial":null,"tls_group":null,"large_hello":null})"));
    // A line of an older version without them.
    const auto old = parse_record(line.substr(0, line.find(",\"local_port\"")) + "}");
    REQUIRE(old);
    CHECK_FALSE(old->tls);
}

TEST_CASE("history: the records of an address share the certificate until it changes", "[history]") {
    History history;
    const Fold fold{{State::kUp, State::kUp}, {State::kUp, State::kUp}};
    ProbeResult r = result_at(kStart);
    r.certificate.present = true;
    r.certificate.fingerprint_sha256 = "aa";
    r.certificate.not_after_us = kStart + core::kHour;
    const auto first = history.add(r, fold), second = history.add(r, fold);
    CHECK(first.tls == second.tls);
    r.certificate.fingerprint_sha256 = "bb";
    history.add(r, fold);
    const auto kept = history.query({}, 10);
    REQUIRE(kept.size() == 3);
    CHECK(kept[0].tls->certificate.fingerprint_sha256 == "bb");
    CHECK(kept[1].tls == kept[2].tls);
    CHECK(kept[2].tls->certificate.fingerprint_sha256 == "aa");
    CHECK(kept[2].cert_not_after_us == kStart + core::kHour);
}

TEST_CASE("record: every reason round-trips", "[record]") {
    for (int i = 0; i < static_cast<int>(Reason::kCount); ++i) {
        const auto reason = static_cast<Reason>(i);
        const Record record = record_at(kStart, reason);
        const auto back = parse_record(to_json(record));
        REQUIRE(back);
        CHECK(back->reason == reason);
        if (i > 0) CHECK(parse_reason(to_string(reason)) == reason);
    }
    CHECK_FALSE(parse_reason(""));
}

TEST_CASE("record: an invalid line is refused", "[record]") {
    for (const char* line : {"", "{", "[]", "1", "{}", R"({"ts":"x","link":"a","ip":"1.2.3.4"})",
                             R"({"ts":"2026-01-02T03:04:05Z","link":"a","ip":"x"})", R"({"ts":5,"link":[],"ip":{}})"}) {
        CHECK_FALSE(parse_record(line));
    }
    CHECK(parse_record(R"({"new_key":1,"ts":"2026-01-02T03:04:05Z","link":"a","ip":"1.2.3.4"})"));
}

TEST_CASE("history: rings are bounded, and failures are kept longer than successes", "[history]") {
    History history({8, 4}, 100);
    const Fold fold{{State::kUp, State::kUp}, {State::kUp, State::kUp}};
    history.add(result_at(kStart, Reason::kTcpRefused), fold);
    for (int i = 1; i <= 20; ++i)
        history.add(result_at(kStart + i), fold);
    const auto all = history.query({}, 100);
    REQUIRE(all.size() == 9);
    CHECK(all.front().seq == 120);
    CHECK(all[7].seq == 113);
    CHECK(all[8].seq == 100);
    CHECK(all[8].reason == Reason::kTcpRefused);
    CHECK(all[8].detail == "expected x, found y");
    CHECK(to_json(all[8]) == to_json(make_record(result_at(kStart, Reason::kTcpRefused), fold, 100)));
    CHECK(history.query({}, 3).size() == 3);
    RecordFilter failures;
    failures.reason = Reason::kTcpRefused;
    CHECK(history.query(failures, 100).size() == 1);
    RecordFilter since;
    since.since_wall_us = kStart + 19;
    CHECK(history.query(since, 100).size() == 2);
    RecordFilter other;
    other.ip = core::IpAddress::parse("10.9.9.9");
    CHECK(history.query(other, 100).empty());
    history.add(result_at(kStart + 100, Reason::kNone, "10.9.9.9"), fold);
    CHECK(history.query(other, 100).size() == 1);
    CHECK(history.query({}, 1).front().ip == *other.ip);
    CHECK(history.recent("tdengine-prod", *core::IpAddress::parse("10.0.1.23"), 3) == "+++");
    CHECK(history.recent("tdengine-prod", *core::IpAddress::parse("10.9.9.8"), 3).empty());
    history.forget(kStart + 50, [](const std::string&, const core::IpAddress&) { return true; });
    CHECK(history.query({}, 100).size() == 10);
    history.forget(kStart + 50, [](const std::string&, const core::IpAddress&) { return false; });
    CHECK(history.query({}, 100).size() == 1);
}

TEST_CASE("history: the marks of the last results, oldest first", "[history]") {
    History history;
    Fold fold{{}, {State::kUp, State::kUp}, Pace::kNormal, true};
    Fold slow = fold;
    slow.after.service = State::kDegraded;
    history.add(result_at(kStart, Reason::kNone), fold);
    history.add(result_at(kStart + 1, Reason::kTcpRefused), fold);
    history.add(result_at(kStart + 2, Reason::kTokenMissing), fold);
    history.add(result_at(kStart + 3, Reason::kLocalFdLimit), fold);
    history.add(result_at(kStart + 4, Reason::kNone), slow);
    const auto ip = *core::IpAddress::parse("10.0.1.23");
    CHECK(history.recent("tdengine-prod", ip, 60) == "+x+?~");
    CHECK(history.recent("tdengine-prod", ip, 2) == "?~");
}

TEST_CASE("probe log: failures and transitions are always logged, successes once and then sampled", "[log]") {
    const Folder folder;
    ProbeLog log(nullptr, folder.log());
    CHECK(log.add(record_at(kStart)));
    CHECK_FALSE(log.add(record_at(kStart + 10 * core::kSecond)));
    CHECK(log.add(record_at(kStart + 20 * core::kSecond, Reason::kTlsEof)));
    CHECK(log.add(record_at(kStart + 21 * core::kSecond, Reason::kTlsEof)));
    CHECK_FALSE(log.add(record_at(kStart + 22 * core::kSecond)));
    Record turned = record_at(kStart + 23 * core::kSecond);
    turned.prev_state = State::kDown;
    CHECK(log.add(turned));
    CHECK_FALSE(log.add(record_at(kStart + 82 * core::kSecond)));
    CHECK(log.add(record_at(kStart + 83 * core::kSecond)));
    CHECK(log.add(record_at(kStart)));  // the wall clock was set back
    ProbeLogReader reader(folder.log());
    int lines = 0;
    while (reader.next({}))
        ++lines;
    CHECK(lines == 6);
    CHECK(reader.skipped() == 0);
}

TEST_CASE("probe log: it rotates, keeps a number of files, and is read in order across them", "[log]") {
    const Folder folder;
    ProbeLogSettings settings;
    settings.file_bytes = 4096;
    settings.files = 3;
    settings.all = true;
    std::uint64_t seq = 0;
    {
        ProbeLog log(nullptr, folder.log(), settings);
        for (int i = 0; i < 100; ++i)
            log.add(record_at(kStart + i, Reason::kNone, ++seq));
    }
    for (const char* suffix : {"", ".1", ".2"}) {
        const std::string text = slurp(folder.log() + suffix);
        CHECK_FALSE(text.empty());
        CHECK(text.size() <= 4096);
        CHECK(text.back() == '\n');
    }
    CHECK(::access((folder.log() + ".3").c_str(), F_OK) != 0);
    ProbeLogReader reader(folder.log(), 3);
    std::uint64_t last = 0;
    int count = 0;
    while (const auto record = reader.next({})) {
        CHECK((last == 0 || record->seq == last + 1));
        last = record->seq;
        ++count;
    }
    CHECK(last == 100);
    CHECK(count > 15);

    // It follows appended lines and a rotation.
    ProbeLog log(nullptr, folder.log(), settings);
    for (int i = 0; i < 14; ++i) {
        log.add(record_at(kStart + i, Reason::kNone, ++seq));
        const auto record = reader.next({});
        REQUIRE(record);
        CHECK(record->seq == seq);
        CHECK_FALSE(reader.next({}));
    }
    ProbeLogReader tail(folder.log(), 3);
    tail.seek_last({}, 2);
    CHECK(tail.next({})->seq == seq - 1);
    CHECK(tail.next({})->seq == seq);
    CHECK_FALSE(tail.next({}));
    log.add(record_at(kStart, Reason::kNone, ++seq));
    CHECK(tail.next({})->seq == seq);
}

TEST_CASE("probe log: a reader that follows misses nothing over rotations", "[log]") {
    const Folder folder;
    constexpr std::uint64_t kRecords = 8000;
    ProbeLogSettings settings;
    settings.all = true;
    settings.file_bytes = 8192;  // about eight records per file
    settings.files = 30;
    std::atomic<std::uint64_t> read = 0;
    std::thread writer([&] {
        ProbeLog log(nullptr, folder.log(), settings);
        for (std::uint64_t i = 1; i <= kRecords; ++i) {
            while (i > read + 150)
                std::this_thread::yield();  // the oldest file must not be removed before it was read
            log.add(record_at(kStart, Reason::kNone, i));
        }
    });
    ProbeLogReader reader(folder.log(), settings.files);
    std::uint64_t expected = 0, wrong = 0;
    while (expected < kRecords) {
        const auto record = reader.next({});
        if (!record) {
            std::this_thread::yield();
            continue;
        }
        if (record->seq != expected + 1) ++wrong;
        read = expected = record->seq;
    }
    writer.join();
    CHECK(wrong == 0);
}

TEST_CASE("probe log: a line cut off by a crash does not damage the next one", "[log]") {
    const Folder folder;
    std::ofstream(folder.log()) << to_json(record_at(kStart)) << "\n{\"ts\":\"2026-01-";
    {
        ProbeLog log(nullptr, folder.log());
        log.add(record_at(kStart + 1, Reason::kTlsEof, 7));
    }
    ProbeLogReader reader(folder.log());
    CHECK(reader.next({}));
    const auto second = reader.next({});
    REQUIRE(second);
    CHECK(second->seq == 7);
    CHECK(reader.skipped() == 1);
}

TEST_CASE("probe log: with a full disk lines are lost, which is logged once", "[log]") {
    std::vector<std::string> events;
    core::capture_log([&](core::Level, std::string_view event, const std::string&) { events.emplace_back(event); });
    const Folder folder;
    const std::string full = folder.path + "/full";
    REQUIRE(::symlink("/dev/full", full.c_str()) == 0);
    {
        ProbeLogSettings settings;
        settings.all = true;
        ProbeLog log(nullptr, full, settings);
        for (int i = 0; i < 5; ++i)
            CHECK(log.add(record_at(kStart + i)));
        CHECK(log.lost_lines() == 5);
        CHECK(events == std::vector<std::string>{"probe_log_failed"});
        CHECK(log.problem() ==
              "probe records are not written to " + full + ": No space left on device; 5 lines were lost");
        ::unlink(full.c_str());
        CHECK(log.add(record_at(kStart + 9)));
        CHECK(log.lost_lines() == 5);
        CHECK(log.problem().empty());  // it works again; the loss is in the agent's log
        CHECK(events == std::vector<std::string>{"probe_log_failed", "probe_log_recovered"});
        CHECK(slurp(full) == to_json(record_at(kStart + 9)) + "\n");
    }
    core::capture_log({});
}

TEST_CASE("probe log: it works again once a missing folder exists", "[log]") {
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    ProbeLog log(nullptr, "/nonexistent/folder/probe.log");
    CHECK(log.add(record_at(kStart)));
    CHECK(log.lost_lines() == 1);
    core::capture_log({});
}

TEST_CASE("probe log: written in the pool, in order, and completed by the destructor", "[log]") {
    const Folder folder;
    core::Loop loop;
    ProbeLogSettings settings;
    settings.all = true;
    {
        ProbeLog log(&loop, folder.log(), settings);
        for (std::uint64_t i = 1; i <= 500; ++i) {
            log.add(record_at(kStart, Reason::kNone, i));
            if (i % 50 == 0) loop.poll();
        }
        bool flushed = false;
        log.flush([&] { flushed = true; });
        while (!flushed)
            loop.run_once();
        ProbeLogReader reader(folder.log());
        std::uint64_t expected = 0;
        while (const auto record = reader.next({}))
            CHECK(record->seq == ++expected);
        CHECK(expected == 500);
        log.add(record_at(kStart, Reason::kNone, 501));
    }
    CHECK(loop.close());
    ProbeLogReader reader(folder.log());
    reader.seek_last({}, 1);
    CHECK(reader.next({})->seq == 501);
}
