// SPDX-License-Identifier: Apache-2.0
// What /etc/resolv.conf becomes when the host gets its own DNS back, whatever others made of ours meanwhile.
#include "tests/unit/agent/hostdns/lab.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using test::kName;
using test::kUs;
using test::Lab;

namespace {

const std::string kPuppet = "# Managed by puppet\nnameserver 127.0.0.153\n";
const core::SocketAddress kKnown = *core::SocketAddress::parse("10.0.0.8", 53);

/// A plain file behind a link, as of a program that nobody knows.
test::FakeHost linked_host() {
    test::FakeHost h;
    h.with_link(kResolvConf, "/run/somebody/resolv.conf")
        .with_file("/run/somebody/resolv.conf", "nameserver 10.0.0.1\n");
    return h;
}

/// Ways in which a host gets its DNS back.
struct Way {
    const char* name;
    std::function<void(Lab&)> go;
};
const Way kWays[] = {
    {"disable", [](Lab& lab) { REQUIRE(lab.takeover().disable(false)); }},
    {"the rescue's suspend", [](Lab& lab) { REQUIRE(lab.takeover().suspend("tried")); }},
    {"suspend, then disable",
     [](Lab& lab) {
         REQUIRE(lab.takeover().suspend("tried"));
         REQUIRE(lab.takeover().disable(false));
     }},
    {"disable, killed behind the file",
     [](Lab& lab) {
         lab.host.kill_after = lab.host.changes + 1;
         try {
             const auto done = lab.takeover().disable(false);
             REQUIRE(done);
         } catch (const test::Killed&) {
         }
         lab.host.kill_after = -1;
         REQUIRE(lab.takeover().recover(true));
     }},
};

}  // namespace

TEST_CASE("give back: what others added to our file stays, what is ours goes", "[hostdns]") {
    struct Row {
        const char* what;
        std::function<std::string(const std::string& ours)> edit;
        std::string file, behind_link;  // nothing: the link is there again
    };
    const std::string options =
        "options timeout:2 attempts:3 rotate single-request-reopen\nsearch a.example b.example\n";
    const Row rows[] = {
        {"a line in front", [](const std::string& ours) { return "search x\n" + ours; },
         "search x\nnameserver 10.0.0.1\n" + options, ""},
        {"a line at the end", [](const std::string& ours) { return ours + "options edns0\n"; },
         "nameserver 10.0.0.1\n" + options + "options edns0\n", ""},
        {"the first line gone", [](const std::string& ours) { return ours.substr(ours.find('\n') + 1); },
         "nameserver 10.0.0.1\n" + options, ""},
        {"a file of its own that names us alone", [](const std::string&) { return kPuppet; },
         "# Managed by puppet\nnameserver 10.0.0.1\n", ""},
        {"another server in front", [](const std::string& ours) { return "nameserver 10.5.5.5\n" + ours; },
         "nameserver 10.5.5.5\nnameserver 10.0.0.1\n" + options, ""},
        {"a file that does not name us", [](const std::string&) { return "nameserver 10.5.5.5\n"; },
         "nameserver 10.5.5.5\n", "nameserver 10.5.5.5\n"},
        {"an empty file", [](const std::string&) { return ""; }, "", ""},
    };
    for (const Row& row : rows) {
        for (const Way& way : kWays) {
            INFO(row.what << ", " << way.name);
            Lab lab(test::plain_host());
            REQUIRE(lab.enable());
            lab.host.files[kResolvConf].content = row.edit(lab.resolv_conf());
            way.go(lab);
            CHECK(lab.resolv_conf() == row.file);
            if (row.file.find("10.0.0.1") != row.file.npos) CHECK(lab.host.files[kResolvConf].mode == 0600);

            Lab linked(linked_host());
            REQUIRE(linked.enable());
            linked.host.files[kResolvConf].content = row.edit(linked.resolv_conf());
            const bool empty = linked.resolv_conf().empty();
            way.go(linked);
            if (row.behind_link.empty() && !empty) CHECK(linked.host.files == linked.first);
            if (!row.behind_link.empty()) CHECK(linked.resolv_conf() == row.behind_link);
        }
    }
}

TEST_CASE("give back: a file that names us alone and stays so is never the host's own", "[hostdns]") {
    for (const bool applied_again : {true, false}) {
        Lab lab(test::plain_host());
        REQUIRE(lab.enable());
        lab.host.files[kResolvConf].content = kPuppet;
        if (applied_again) REQUIRE(lab.takeover().reapply({kName}));
        REQUIRE(lab.takeover().disable(false));
        if (applied_again) CHECK(lab.host.files == lab.first);
        if (!applied_again) CHECK(lab.resolv_conf() == "# Managed by puppet\nnameserver 10.0.0.1\n");
    }
}

TEST_CASE("give back: where no server but us is known to the files, the last known upstreams are written",
          "[hostdns]") {
    for (const Way& way : kWays) {
        INFO(way.name);
        Lab before(test::plain_host().with_file(kResolvConf, kPuppet));
        before.served.upstreams = {kUs, kKnown};
        REQUIRE(before.enable());
        before.served.upstreams.clear();  // what was known then is in the journal
        way.go(before);
        CHECK(before.resolv_conf() == "# Managed by puppet\nnameserver 10.0.0.8\n");

        Lab behind(linked_host().with_file("/run/somebody/resolv.conf", kPuppet));
        behind.served.upstreams = {kKnown};
        REQUIRE(behind.enable());
        way.go(behind);
        CHECK(behind.resolv_conf() == "# Managed by puppet\nnameserver 10.0.0.8\n");

        // None of the changes was resolv.conf.
        Lab split(test::resolved_host());
        split.served.upstreams = {kKnown};
        REQUIRE(split.enable(Mode::kSplit));
        split.host.with_file(kResolvConf, kPuppet);
        way.go(split);
        CHECK(split.resolv_conf() == "# Managed by puppet\nnameserver 10.0.0.8\n");
    }
    Lab nothing(test::plain_host().with_file(kResolvConf, kPuppet));
    REQUIRE(nothing.enable());
    REQUIRE(nothing.takeover().disable(false));
    CHECK(nothing.said.find("names postern alone, and no other server is known") != std::string::npos);
}

TEST_CASE("give back: without a takeover, too, nothing of ours stays behind", "[hostdns]") {
    Lab lab(test::plain_host());
    lab.served.upstreams = {kKnown};
    lab.host.with_file(kResolvConf, kPuppet);
    REQUIRE(lab.takeover().disable(true));
    CHECK(lab.resolv_conf() == kPuppet);
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.resolv_conf() == "# Managed by puppet\nnameserver 10.0.0.8\n");
    lab.host.with_file(kResolvConf, "nameserver 127.0.0.153\nnameserver 10.0.0.1\n");
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.resolv_conf() == "nameserver 10.0.0.1\n");

    Lab record(test::resolvconf_host());
    REQUIRE(record.enable());
    REQUIRE(JournalFile(record.folder / "hostdns.json").remove());  // the state folder was lost
    REQUIRE(record.takeover().disable(false));
    CHECK(record.host.files == record.first);
}

TEST_CASE("give back: while suspended or in a truce a file that names us alone does not leave the host without DNS",
          "[hostdns]") {
    for (const auto state : {TakeoverState::kSuspended, TakeoverState::kTruce}) {
        Lab lab(test::plain_host());
        lab.served.upstreams = {kKnown};
        REQUIRE(lab.enable());
        REQUIRE(lab.takeover().suspend("tried"));
        Journal journal = lab.journal();
        journal.state = state;
        REQUIRE(JournalFile(lab.folder / "hostdns.json").save(journal));
        lab.host.with_file(kResolvConf, kPuppet);
        lab.alive = false;
        lab.on_pause = [&] {
            lab.alive = lab.alive || lab.resolv_conf() == "# Managed by puppet\nnameserver 10.0.0.8\n";
        };
        lab.rescue();
        REQUIRE(lab.takeover().disable(false));
        CHECK(lab.resolv_conf() == "# Managed by puppet\nnameserver 10.0.0.8\n");
    }
}

TEST_CASE("give back: names are looked up; where the servers are dead, living ones are written", "[hostdns]") {
    Lab lab(test::plain_host());
    lab.served.upstreams = {kKnown};
    REQUIRE(lab.enable());
    lab.dead = {"10.0.0.1"};
    const auto began = lab.now_us;
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.now_us - began < 30 * core::kSecond);
    CHECK(
        lab.resolv_conf() ==
        "nameserver 10.0.0.8\noptions timeout:2 attempts:3 rotate single-request-reopen\nsearch a.example b.example\n");
    CHECK(lab.said.find("/etc/resolv.conf names 10.0.0.1; that does not answer, so the upstreams that do are written: "
                        "10.0.0.8") != std::string::npos);

    // No network at all, or names that only fail: nothing is better than what the host had.
    for (const bool network : {true, false}) {
        Lab same(test::plain_host());
        same.served.upstreams = {kKnown};
        REQUIRE(same.enable());
        same.deaf_programs = true;
        if (!network) same.dead = {"10.0.0.1", "10.0.0.8"};
        REQUIRE(same.takeover().disable(false));
        CHECK(same.host.files == same.first);
        CHECK(same.said.find("programs of this host can't look up example.com") != std::string::npos);
    }
    // A manager's file is its own affair.
    Lab link(linked_host());
    link.served.upstreams = {kKnown};
    REQUIRE(link.enable());
    link.dead = {"10.0.0.1"};
    REQUIRE(link.takeover().disable(false));
    CHECK(link.host.files == link.first);
}

TEST_CASE("give back: an address of ours from before is ours, and so are all that we listen on", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    std::string older = lab.resolv_conf();
    older.replace(older.find("127.0.0.153"), 11, "127.0.0.99");
    lab.host.files[kResolvConf].content = older;
    REQUIRE(lab.takeover().reapply({kName}));
    CHECK(lab.host.reaches(kUs.ip, kName));
    lab.host.files[kResolvConf].content = older;
    REQUIRE(lab.takeover().disable(false));
    CHECK(ResolvConf::parse(lab.resolv_conf()).servers == std::vector{*core::SocketAddress::parse("10.0.0.1", 53)});
}

TEST_CASE("give back: enabled a second time, a file that was changed is put right", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    const auto ours = lab.host.files[kResolvConf];
    lab.host.files[kResolvConf].content = "search x\n" + ours.content;
    REQUIRE(lab.enable());
    CHECK(lab.host.files[kResolvConf] == ours);
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("give back: without a journal resolved forgets our address, too", "[hostdns]") {
    Lab lab(test::uplink_host());
    lab.served.upstreams = {kKnown};
    REQUIRE(lab.enable());
    lab.host.with_file(kResolvedUplinks, "nameserver 127.0.0.153\nnameserver 10.0.0.1\n");
    REQUIRE(JournalFile(lab.folder / "hostdns.json").remove());
    lab.host.ran.clear();
    REQUIRE(lab.takeover().disable(false));
    CHECK_FALSE(ResolvConf::parse(lab.resolv_conf()).names(kUs.ip));
    REQUIRE_FALSE(lab.host.ran.empty());
    CHECK(lab.host.ran.back() == "systemctl try-restart systemd-resolved.service");
}

TEST_CASE("give back: what resolved read from our file while resolv.conf was led elsewhere is forgotten", "[hostdns]") {
    for (const bool suspended : {false, true}) {
        for (const bool read_us : {true, false}) {
            Lab lab(test::nm_resolved_host());
            REQUIRE(lab.enable());
            if (suspended) REQUIRE(lab.takeover().suspend("a test"));
            if (read_us) lab.host.with_file(kResolvedUplinks, "nameserver 127.0.0.153\nnameserver 10.0.0.1\n");
            lab.host.ran.clear();
            REQUIRE(lab.takeover().disable(false));
            const bool restarted =
                !lab.host.ran.empty() && lab.host.ran.back() == "systemctl try-restart systemd-resolved.service";
            CHECK(restarted == read_us);
        }
    }
}
