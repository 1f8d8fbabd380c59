// SPDX-License-Identifier: Apache-2.0
// The journal as text: what is written is read again, anything else is refused. Its file on a host: takeover_test, rescue_test.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/hostdns/journal.h"
#include "core/bytes.h"
#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

namespace {

/// Each field has another value than its default.
Journal full() {
    Journal j;
    j.state = TakeoverState::kOn;
    j.wanted = Mode::kSplit;
    j.wanted_second = true;
    j.suspended_after = true;
    j.decision.line = "hostdns: [resolv.conf=file]";
    j.decision.owner = Owner::kDhclient;
    j.decision.mode = Mode::kSplit;
    j.decision.link = LinkWay::kResolvectl;
    j.decision.file = FileWay::kDhclient;
    j.decision.dummy_link = true;
    j.decision.tell_networkmanager = true;
    j.decision.in_place = true;
    j.decision.resolved_rereads = true;
    j.target.listen = *core::SocketAddress::parse("127.0.0.153:5353", 53);
    j.target.names = {"a.example", "b.example"};
    j.target.second = core::IpAddress::parse("10.0.0.2");
    j.target.kept = "search example\n\toptions edns0\n";
    j.entries = {
        {kResolvConf,
         {FileState::Kind::kLink, "../run/resolv.conf", 0777, 1000, 1001, "system_u:object_r:net_conf_t:s0"},
         {FileState::Kind::kFile, "nameserver 127.0.0.153\n", 04640, 2, 3, ""}},
        {kDhclientHook, {}, FileState::file("make_resolv_conf() { :; }\n")},
    };
    j.earlier = {{FileState::file("nameserver 10.8.0.1\n"), "nameserver 10.8.0.1\n"},
                 {{FileState::Kind::kLink, "/run/x", 0777, 0, 0, ""}, "caf\xe9\n"}};
    j.since_wall_us = 1'800'000'000 * core::kSecond;
    j.rewrites = {1'800'000'001 * core::kSecond, 1'800'000'002 * core::kSecond};
    j.writer = "cloud-init";
    j.suspensions = {1'800'000'003 * core::kSecond};
    j.truces = {1'800'000'004 * core::kSecond, 1'800'000'005 * core::kSecond};
    return j;
}

/// A journal of this body, with the right checksum.
std::string sealed(const std::string& body) {
    return fmt::format("{{\"crc64\":\"{:016x}\",\"hostdns\":\n{}\n}}\n", core::crc64(core::as_bytes(body)), body);
}

std::string body_of(const Journal& j) {
    const std::string text = journal_json(j);
    const std::size_t start = text.find('\n') + 1;
    return text.substr(start, text.size() - start - 3);
}

std::string replaced(std::string text, const std::string& old, const std::string& by) {
    const std::size_t at = text.find(old);
    INFO(old << " in " << text);
    REQUIRE(at != text.npos);
    return text.replace(at, old.size(), by);
}

}  // namespace

// What is lost here is not restored on the host.
TEST_CASE("journal: every field is read as it was written", "[hostdns]") {
    const Journal j = full();
    auto r = parse_journal(journal_json(j));
    REQUIRE(r);
    CHECK(r->state == j.state);
    CHECK(r->wanted == j.wanted);
    CHECK(r->wanted_second);
    CHECK(r->suspended_after);
    CHECK(r->decision.line == j.decision.line);
    CHECK(r->decision.owner == j.decision.owner);
    CHECK(r->decision.mode == j.decision.mode);
    CHECK(r->decision.link == j.decision.link);
    CHECK(r->decision.file == j.decision.file);
    CHECK(r->decision.dummy_link);
    CHECK(r->decision.tell_networkmanager);
    CHECK(r->decision.in_place);
    CHECK(r->decision.resolved_rereads);
    CHECK(r->target == j.target);
    REQUIRE(r->entries.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(r->entries[i].path == j.entries[i].path);
        CHECK(r->entries[i].before == j.entries[i].before);
        CHECK(r->entries[i].after == j.entries[i].after);
    }
    CHECK(r->earlier == j.earlier);
    CHECK(r->since_wall_us == j.since_wall_us);
    CHECK(r->rewrites == j.rewrites);
    CHECK(r->writer == j.writer);
    CHECK(r->truces == j.truces);
    CHECK(r->suspensions == j.suspensions);
    CHECK(r->find(kDhclientHook) == &r->entries[1]);
    CHECK(r->find("/etc/hosts") == nullptr);

    Journal none;
    none.state = TakeoverState::kOn;
    none.target.listen = j.target.listen;
    const auto least = parse_journal(journal_json(none));
    REQUIRE(least);
    CHECK_FALSE(least->target.second);
    CHECK_FALSE(least->decision.in_place);
    CHECK_FALSE(least->decision.dummy_link);
    CHECK(least->entries.empty());
}

TEST_CASE("journal: every word of a state, a way and an owner is read again", "[hostdns]") {
    for (int i = 0; i <= static_cast<int>(TakeoverState::kTruce); ++i) {
        Journal j = full();
        j.state = static_cast<TakeoverState>(i);
        CHECK(parse_journal(journal_json(j)).value().state == j.state);
    }
    for (int i = 0; i <= static_cast<int>(LinkWay::kDelegate); ++i) {
        Journal j = full();
        j.decision.link = static_cast<LinkWay>(i);
        CHECK(parse_journal(journal_json(j)).value().decision.link == j.decision.link);
    }
    for (int i = 0; i <= static_cast<int>(FileWay::kDhcpcd); ++i) {
        Journal j = full();
        j.decision.file = static_cast<FileWay>(i);
        CHECK(parse_journal(journal_json(j)).value().decision.file == j.decision.file);
    }
    for (int i = 0; i <= static_cast<int>(Owner::kNobody); ++i) {
        Journal j = full();
        j.decision.owner = static_cast<Owner>(i);
        CHECK(parse_journal(journal_json(j)).value().decision.owner == j.decision.owner);
    }
}

TEST_CASE("journal: a program that knows no dhcpcd takes it for dhclient, whose leases are in the same file",
          "[hostdns]") {
    Journal j = full();
    j.decision.owner = Owner::kDhcpcd;
    j.decision.file = FileWay::kDhcpcd;
    j.entries[1].path = kDhcpcdHook;
    const std::string text = journal_json(j);
    CHECK(text.find("\"owner\":\"dhclient\"") != text.npos);
    CHECK(text.find("\"file\":\"dhclient\"") != text.npos);
    const auto changes = text.substr(text.find("\"changes\""), text.find("\"hooks\"") - text.find("\"changes\""));
    CHECK(changes.find(kResolvConf) != changes.npos);
    CHECK(changes.find(kDhcpcdHook) == changes.npos);
    auto r = parse_journal(text);
    REQUIRE(r);
    CHECK(r->decision.owner == Owner::kDhcpcd);
    CHECK(r->decision.file == FileWay::kDhcpcd);
    REQUIRE(r->entries.size() == 2);
    CHECK(r->find(kDhcpcdHook)->after == j.entries[1].after);
    CHECK(r->find(kResolvConf)->before == j.entries[0].before);
}

// An administrator may have to copy the old resolv.conf out of the journal by hand.
TEST_CASE("journal: a text file is legible in it, every other one is kept byte by byte", "[hostdns]") {
    for (int byte = 0; byte < 256; ++byte) {
        Journal j = full();
        const std::string content = std::string("a") + static_cast<char>(byte) + "z";
        j.entries[1].after.content = content;
        const std::string text = journal_json(j);
        const bool plain = (byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\t';
        INFO(byte);
        CHECK((text.find(fmt::format("\"hex\":\"61{:02x}7a\"", byte)) == text.npos) == plain);
        CHECK(parse_journal(text).value().entries[1].after.content == content);
    }
}

TEST_CASE("journal: any byte changed or missing is refused", "[hostdns]") {
    const std::string text = journal_json(full());
    REQUIRE(parse_journal(text));
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string damaged = text;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        INFO(i);
        CHECK_FALSE(parse_journal(damaged));
        CHECK_FALSE(parse_journal(text.substr(0, i)));
    }
    CHECK_FALSE(parse_journal("\n}\n"));
    CHECK_FALSE(parse_journal("{\n\n}\n"));
}

// With a right checksum: a program of another version, or somebody who can write to the folder.
TEST_CASE("journal: a field that postern does not write so is refused, and nothing of it is used", "[hostdns]") {
    const std::string body = body_of(full());
    REQUIRE(parse_journal(sealed(body)));
    const struct {
        const char *old, *by;
    } rows[] = {
        {"\"state\":\"on\"", "\"state\":\"On\""},
        {"\"since\":\"", "\"since\":\"x"},
        {"\"wanted\":\"split\"", "\"wanted\":\"none\""},
        {"\"owner\":\"dhclient\"", "\"owner\":\"\""},
        {"\"mode\":\"split\"", "\"mode\":\"auto\""},
        {"\"link\":\"resolvectl\"", "\"link\":\"other\""},
        {"\"file\":\"dhclient\"", "\"file\":\"?\""},
        {"\"listen\":\"127.0.0.153:5353\"", "\"listen\":\"localhost\""},
        {"\"second\":\"10.0.0.2\"", "\"second\":\"10.0.0\""},
        {"\"kind\":\"link\"", "\"kind\":\"other\""},
        {"\"kind\":\"file\"", "\"kind\":\"?\""},
        {"\"mode\":\"0777\"", "\"mode\":\"0778\""},
        {"\"mode\":\"0777\"", "\"mode\":\"\""},
        {"\"mode\":\"0777\"", "\"mode\":\"000777\""},
        {"\"uid\":1000", "\"uid\":\"root\""},
        {"\"gid\":1001", "\"gid\":null"},
        {"\"text\":\"../run/resolv.conf\"", "\"hex\":\"2e2\""},
        {"\"text\":\"../run/resolv.conf\"", "\"hex\":\"2g\""},
        {"\"text\":\"../run/resolv.conf\"", "\"hex\":\"g2\""},
        {"\"path\":\"/etc/resolv.conf\"", "\"path\":\"/etc/passwd\""},
        {"\"rewrites\":[\"", "\"rewrites\":[\"x"},
        {"\"earlier\":[\n  {\"before\":{\"kind\":\"file\"", "\"earlier\":[\n  {\"before\":{\"kind\":\"fil\""},
        {"\"suspensions\":[\"", "\"suspensions\":[\"x"},
        {"\"schema_version\":1,", "\"schema_version\":2,"},
        {"\"schema_version\":1,", "\"schema_version\":0,"},
        {"\"schema_version\":1,", ""},
        {"\"before\":{\"kind\":\"absent\"}",
         "\"before\":{\"kind\":\"file\",\"text\":\"\",\"mode\":\"0644\",\"uid\":0,\"gid\":0}"},
    };
    for (const auto& row : rows) {
        INFO(row.by);
        CHECK_FALSE(parse_journal(sealed(replaced(body, row.old, row.by))));
    }
    CHECK(parse_journal(sealed(replaced(body, "\"listen\":\"127.0.0.153:5353\"", "\"listen\":\"127.0.0.153\"")))
              .value()
              .target.listen.port == 53);
    // A key that an older version did not write has its default.
    for (const char* key : {"\"in_place\":true,", "\"dummy_link\":true,", "\"tell_networkmanager\":true,"})
        CHECK(parse_journal(sealed(replaced(body, key, ""))));
    CHECK_FALSE(parse_journal(sealed(replaced(body, "\"in_place\":true,", ""))).value().decision.in_place);
    CHECK_FALSE(parse_journal(sealed(replaced(body, "\"dummy_link\":true,", ""))).value().decision.dummy_link);
}

TEST_CASE("journal: there is none, it is a folder, it is too large", "[hostdns]") {
    const test::TempFolder folder;
    CHECK(JournalFile(folder / "hostdns.json").load().value().state == TakeoverState::kOff);
    CHECK(JournalFile(folder / "none/hostdns.json").load().value().state == TakeoverState::kOff);
    REQUIRE(::mkdir((folder / "hostdns.json").c_str(), 0755) == 0);
    CHECK_FALSE(JournalFile(folder / "hostdns.json").load());
    const std::string large = folder / "large";
    REQUIRE(core::write_file(large, core::as_bytes(std::string((16u << 20) + 65536, ' ')), 0644, false));
    CHECK(JournalFile(large).load().error().what.find("cannot read") == 0);
}

TEST_CASE("journal: only a file that nobody else may write is read", "[hostdns]") {
    const test::TempFolder folder;
    const JournalFile file(folder / "hostdns.json");
    REQUIRE(file.save(full()));
    const auto read_with = [&](int mode) {
        REQUIRE(::chmod(file.path().c_str(), static_cast<mode_t>(mode)) == 0);
        return file.load().has_value();
    };
    for (const int mode : {0600, 0644, 0755})
        CHECK(read_with(mode));
    for (const int mode : {0664, 0646, 0620, 0602})
        CHECK_FALSE(read_with(mode));
    REQUIRE(::chmod(file.path().c_str(), 0644) == 0);
    if (::geteuid() == 0) {
        REQUIRE(::chown(file.path().c_str(), 65534, 65534) == 0);
        CHECK_FALSE(file.load());
    }
    REQUIRE(file.set_aside());
    CHECK(file.load().value().state == TakeoverState::kOff);
    CHECK(file.set_aside());
    CHECK(file.remove());
}

TEST_CASE("journal: why it is suspended is kept as words of any language, and as a sentence", "[hostdns]") {
    Journal j = full();
    j.why = core::message("{} through it", core::message("programs of this host can't look up {}", "db.example.com"));
    const std::string text = body_of(j);
    CHECK(text.find(R"("why":"programs of this host can't look up db.example.com through it",)") != text.npos);
    const auto same = parse_journal(sealed(text));
    REQUIRE(same);
    CHECK(same->why == j.why);
    // An older program wrote another sentence and kept nothing else, or this file is an older one's.
    for (const std::string& older : {replaced(text, "\"why\":\"programs", "\"why\":\"other programs"),
                                     replaced(text, "why_words", "unknown_key")}) {
        const auto read = parse_journal(sealed(older));
        REQUIRE(read);
        CHECK(read->why.form().empty());
        CHECK(read->why.text().ends_with("can't look up db.example.com through it"));
    }
}
