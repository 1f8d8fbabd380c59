#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include "agent/discovery/remembered.h"
#include "agent/discovery/snapshot_store.h"
#include "agent/text/json_view.h"
#include "core/bytes.h"
#include "core/file_system.h"
#include "tests/unit/agent/net/loopback.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::IpAddress;

namespace {

struct Folder {
    Folder() {
        char name[] = "/tmp/postern-snapshot-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() {
        for (const char* file : {"/snapshot.json", "/snapshot.json.previous", "/snapshot.json.unusable"})
            ::unlink((path + file).c_str());
        ::chmod(path.c_str(), 0700);
        ::rmdir(path.c_str());
    }
    std::string file() const { return path + "/snapshot.json"; }
    void put(const std::string& name, const std::string& text) const {
        REQUIRE(core::write_file(path + name, core::as_bytes(text), 0600, false));
    }
    std::string path;
};

Snapshot sample(int n = 1) {
    Snapshot s;
    s.region = "cn-hangzhou";
    s.zone = "cn-hangzhou-h";
    s.written_wall_us = 1767323045123456;
    s.api_hosts["privatelink-vpc.cn-hangzhou.aliyuncs.com"] = {*IpAddress::parse("100.100.0.1"),
                                                               *IpAddress::parse("2001:db8::1")};
    SourceRecord& r = s.sources["ep-1"];
    r.addresses = {{*IpAddress::parse("10.0.0." + std::to_string(n)), "cn-hangzhou-h", "ep-1"}};
    r.report = {.endpoint_id = "ep-1",
                .status = "Active",
                .business_status = "Normal",
                .connection_status = "Connected",
                .service_name = "svc \"quoted\"\n",
                .request_id = "R-1"};
    r.report.zones = {
        {"cn-hangzhou-h", "Connected", IpAddress::parse("10.0.0.1"), IpAddress::parse("2001:db8::2"), "d.example"},
        {"cn-hangzhou-i", "Wait", {}, {}, ""}};
    r.confirmed_wall_us = 1767323045000001;
    SourceRecord& found = s.sources["find:service=x"];
    found.report = {
        .endpoint_id = "endpoint of x in vpc-1", .search = true, .parts = {r.report, {.endpoint_id = "ep-2"}}};
    s.sources["find:service=none"].report.search = true;
    r.changed_wall_us = 1767320000000000;
    return s;
}

}  // namespace

TEST_CASE("snapshot: what is written is read again", "[snapshot]") {
    CHECK(*parse_snapshot(format_snapshot(sample())) == sample());
    CHECK(*parse_snapshot(format_snapshot({})) == Snapshot{});
    CHECK(JsonView::parse(format_snapshot(sample())));  // as a whole, too: people and scripts read it
}

TEST_CASE("snapshot: any flipped byte, any truncation and any foreign file is refused", "[snapshot]") {
    const std::string good = format_snapshot(sample());
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x20);
        const auto result = parse_snapshot(bad);
        // Case of the hex digits in the header is the only thing that may not matter; the content is the same then.
        if (result) CHECK(*result == sample());
        CHECK_FALSE(parse_snapshot(good.substr(0, at)));
    }
    for (const char* foreign :
         {"", "\n", "{}\n", "[1]\n", "<html>", "{\"postern_snapshot\":\"x\"}\n{}", "\xff\xfe\n\x00"}) {
        CHECK_FALSE(parse_snapshot(foreign));
    }
    const auto newer = parse_snapshot("{\"postern_snapshot\":2,\"crc64\":\"0\",\"bytes\":0,\"snapshot\":\n}\n");
    REQUIRE_FALSE(newer);
    CHECK(newer.error().what == "the snapshot has version 2, this program reads 1");
}

TEST_CASE("snapshot: a right checksum over wrong fields does not help", "[snapshot]") {
    const std::string good = format_snapshot(sample());
    std::string body = good.substr(good.find('\n') + 1);
    body.resize(body.size() - 2);  // the "}\n" that ends the document
    body.replace(body.find("10.0.0.1"), 8, "10.0.0.x");
    char header[128];
    std::snprintf(header, sizeof header, "{\"postern_snapshot\":1,\"crc64\":\"%016llx\",\"bytes\":%zu,\"snapshot\":\n",
                  static_cast<unsigned long long>(core::crc64(core::as_bytes(body))), body.size());
    const auto result = parse_snapshot(header + body + "}\n");
    REQUIRE_FALSE(result);
    CHECK(result.error().what == "the snapshot is damaged: a field has the wrong form");
}

TEST_CASE("snapshot: the store writes off the loop, keeps the generation before, and falls back to it", "[snapshot]") {
    Folder folder;
    core::Loop loop;
    {
        SnapshotStore store(loop, folder.file());
        CHECK_FALSE(store.load().found);
        CHECK(store.load().problems.empty());
        for (int n = 1; n <= 5; ++n)
            store.save(sample(n));
        run_until(loop, [&] { return store.idle(); });
        CHECK(load_snapshot(folder.file()).snapshot == sample(5));
        store.save(sample(6));
        store.flush();
        run_until(loop, [&] { return store.idle(); });
        CHECK(load_snapshot(folder.file()).snapshot == sample(6));
        CHECK(store.problem().empty());
        struct stat info {};
        REQUIRE(::stat(folder.file().c_str(), &info) == 0);
        CHECK((info.st_mode & 0777) == 0600);
    }
    folder.put("/snapshot.json", "{\"postern_snapshot\":1,\"crc64\":\"00\",\"bytes\":3,\"snapshot\":\nabc}\n");
    {
        SnapshotStore store(loop, folder.file());
        const auto loaded = store.load();
        CHECK(loaded.found);
        CHECK(loaded.from_previous);
        CHECK(loaded.snapshot == sample(5));
        REQUIRE(loaded.problems.size() == 1);
        CHECK(loaded.problems[0].what == folder.file() + ": the snapshot is damaged: its checksum is wrong");
        store.save(sample(7));  // must not push the damaged file over the good generation before
        run_until(loop, [&] { return store.idle(); });
        CHECK(load_snapshot(folder.file()).snapshot == sample(7));
        folder.put("/snapshot.json", "gone bad again");
        CHECK(load_snapshot(folder.file()).snapshot == sample(5));
    }
    CHECK(loop.close());
}

TEST_CASE("snapshot: the first one, too, survives damage to its file", "[snapshot]") {
    Folder folder;
    core::Loop loop;
    {
        SnapshotStore store(loop, folder.file());
        Snapshot empty = sample(0);  // before the first answer: nothing to fall back to
        empty.sources.clear();
        store.save(empty);
        run_until(loop, [&] { return store.idle(); });
        store.save(sample(1));
        run_until(loop, [&] { return store.idle(); });
        core::UniqueFd fd(::open(folder.file().c_str(),
                                 O_WRONLY | O_TRUNC | O_CLOEXEC));  // in place: two names of one file would not do
        REQUIRE(fd);
        const auto loaded = load_snapshot(folder.file());
        CHECK(loaded.found);
        CHECK(loaded.snapshot == sample(1));
        store.save(sample(2));
        store.save(sample(3));
        run_until(loop, [&] { return store.idle(); });
        CHECK(load_snapshot(folder.file()).snapshot == sample(3));
    }
    CHECK(loop.close());
}

TEST_CASE("snapshot: a folder that can't be written is reported once and recovers", "[snapshot]") {
    Folder folder;
    core::Loop loop;
    {
        SnapshotStore store(loop, folder.path + "/missing/snapshot.json");
        store.save(sample());
        run_until(loop, [&] { return store.idle(); });
        CHECK(store.problem().find("/missing/snapshot.json") != std::string::npos);
    }
    {
        // Destroyed with a write under way.
        auto store = std::make_unique<SnapshotStore>(loop, folder.file());
        store->save(sample());
        store.reset();
    }
    CHECK(loop.close());
}

TEST_CASE("snapshot: a link's addresses from the snapshot alone", "[snapshot]") {
    LinkConfig link;
    link.endpoints = {"ep-1", "ep-unknown"};
    CHECK(describe(addresses_from(sample(), link)) == "10.0.0.1 (cn-hangzhou-h)");
    link.zones = {"cn-hangzhou-i"};
    CHECK(addresses_from(sample(), link).empty());
    LinkConfig fixed;
    fixed.addresses = {*IpAddress::parse("10.9.9.9")};
    CHECK(describe(addresses_from(sample(), fixed)) == "10.9.9.9");
}
