// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include "agent/hostdns/truce.h"
#include "agent/hostdns/upstreams.h"
#include "core/file_system.h"
#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using test::FakeHost;
using test::kName;
using test::kUs;
using test::Lab;

namespace {

struct Kind {
    const char* name;
    FakeHost (*make)();
    Mode mode;
};
const Kind kKinds[] = {
    {"resolved split", test::resolved_host, Mode::kSplit},
    {"resolved full", test::resolved_host, Mode::kFull},
    {"resolved-uplink", test::uplink_host, Mode::kFull},
    {"networkmanager", test::networkmanager_host, Mode::kFull},
    {"nm-resolved split", test::nm_resolved_host, Mode::kSplit},
    {"nm-resolved full", test::nm_resolved_host, Mode::kFull},
    {"delegate split", test::delegate_host, Mode::kSplit},
    {"delegate full", test::delegate_host, Mode::kFull},
    {"nm-resolved with a delegate", test::nm_delegate_host, Mode::kSplit},
    {"resolved-uplink with a delegate", test::uplink_delegate_host, Mode::kFull},
    {"dhclient", test::dhclient_host, Mode::kFull},
    {"dhcpcd", test::dhcpcd_host, Mode::kFull},
    {"resolvconf", test::resolvconf_host, Mode::kFull},
    {"openresolv", test::openresolv_host, Mode::kFull},
    {"openresolv >= 3.14", test::new_openresolv_host, Mode::kFull},
    {"plain", test::plain_host, Mode::kFull},
};

}  // namespace

TEST_CASE("hostdns: enable reaches us, again is no change, disable leaves every file as it was", "[hostdns]") {
    for (const Kind& kind : kKinds) {
        INFO(kind.name);
        Lab lab(kind.make());
        REQUIRE(lab.enable(kind.mode));
        CHECK(lab.host.reaches(kUs.ip, kName));
        CHECK(lab.journal().state == TakeoverState::kOn);
        const auto files = lab.host.files;
        const int changes = lab.host.changes;
        REQUIRE(lab.enable(kind.mode));
        CHECK(lab.host.changes == changes);
        CHECK(lab.host.files == files);

        REQUIRE(lab.takeover().disable(false));
        CHECK(lab.host.files == lab.first);
        CHECK_FALSE(lab.host.link_up);
        CHECK(lab.host.delegate_dns.empty());
        CHECK(lab.journal().state == TakeoverState::kOff);
        REQUIRE(lab.takeover().disable(false));
        CHECK(lab.host.files == lab.first);
    }
}

TEST_CASE("hostdns: killed at any step of enable, boot or not, the host gets back what it had", "[hostdns]") {
    for (const Kind& kind : kKinds) {
        for (const bool before : {true, false}) {
            for (int step = 1;; ++step) {
                INFO(kind.name << (before ? ", before change " : ", behind change ") << step);
                Lab lab(kind.make());
                (before ? lab.host.kill_before : lab.host.kill_after) = step;
                bool killed = false;
                try {
                    const auto done = lab.enable(kind.mode);
                    REQUIRE(done);
                } catch (const test::Killed&) {
                    killed = true;
                }
                lab.host.kill_before = lab.host.kill_after = -1;
                if (killed) {
                    CHECK(lab.journal().state == TakeoverState::kEnabling);
                    if (step % 2 == 0) lab.host.reboot();
                    REQUIRE(lab.takeover().recover(step % 2 == 0));
                }
                REQUIRE(lab.takeover().disable(false));
                CHECK(lab.host.files == lab.first);
                CHECK_FALSE(lab.host.link_up);
                CHECK(lab.host.delegate_dns.empty());
                if (!killed) break;
            }
        }
    }
}

TEST_CASE("hostdns: killed at any step of disable, the next one finishes it", "[hostdns]") {
    for (const Kind& kind : kKinds) {
        for (const bool before : {true, false}) {
            for (int step = 1;; ++step) {
                INFO(kind.name << (before ? ", before change " : ", behind change ") << step);
                Lab lab(kind.make());
                REQUIRE(lab.enable(kind.mode));
                const int done = lab.host.changes;
                (before ? lab.host.kill_before : lab.host.kill_after) = done + step;
                bool killed = false;
                try {
                    const auto given = lab.takeover().disable(false);
                    REQUIRE(given);
                } catch (const test::Killed&) {
                    killed = true;
                }
                lab.host.kill_before = lab.host.kill_after = -1;
                if (killed) {
                    if (step % 2 == 0) lab.host.reboot();
                    REQUIRE(lab.takeover().recover(false));
                }
                CHECK(lab.host.files == lab.first);
                CHECK_FALSE(lab.host.link_up);
                CHECK(lab.host.delegate_dns.empty());
                if (!killed) break;
            }
        }
    }
}

TEST_CASE("hostdns: after a boot reapply brings back what lived only in memory", "[hostdns]") {
    for (const Kind& kind : kKinds) {
        INFO(kind.name);
        Lab lab(kind.make());
        REQUIRE(lab.enable(kind.mode));
        lab.host.reboot();
        REQUIRE(lab.takeover().reapply({kName}));
        CHECK(lab.host.reaches(kUs.ip, kName));
        CHECK(lab.journal().rewrites.empty());
        REQUIRE(lab.takeover().disable(false));
        CHECK(lab.host.files == lab.first);
    }
}

TEST_CASE("hostdns: killed at any step of reapply, nothing of the host's own is lost", "[hostdns]") {
    const std::string renewed = "# Generated by somebody\nnameserver 10.9.9.9\n";
    for (const bool before : {true, false}) {
        for (int step = 1; step <= 3; ++step) {
            Lab lab(test::plain_host());
            REQUIRE(lab.enable());
            lab.host.with_file(kResolvConf, renewed);
            (before ? lab.host.kill_before : lab.host.kill_after) = lab.host.changes + step;
            try {
                const auto done = lab.takeover().reapply({kName});
                REQUIRE(done);
            } catch (const test::Killed&) {
            }
            lab.host.kill_before = lab.host.kill_after = -1;
            REQUIRE(lab.takeover().disable(false));
            CHECK(lab.resolv_conf() == renewed);
        }
    }
}

TEST_CASE("hostdns: our resolv.conf keeps every line but comments and nameservers", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    const std::string text = lab.resolv_conf();
    CHECK(
        text.find(
            "\nnameserver 127.0.0.153\noptions timeout:2 attempts:3 rotate single-request-reopen\nsearch a.example b.example\n") !=
        text.npos);
    CHECK(ResolvConf::parse(text).servers.size() == 1);
    CHECK(lab.host.files[kResolvConf].mode == 0644);  // 0600 would shut out every user
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files == lab.first);  // 0600 again
}

TEST_CASE("hostdns: a second nameserver only where it can't bypass us", "[hostdns]") {
    EnableRequest request;
    request.listen = kUs;
    request.names = {kName};
    request.second_server = true;
    {
        Lab lab(test::plain_host());
        REQUIRE(lab.takeover().enable(request));
        CHECK(ResolvConf::parse(lab.resolv_conf()).servers.size() == 1);
        CHECK(lab.said.find("no second nameserver: options rotate") != std::string::npos);
        const int changes = lab.host.changes;
        REQUIRE(lab.takeover().enable(request));
        CHECK(lab.host.changes == changes);
    }
    {
        FakeHost host = test::dhclient_host();
        Lab lab(host);
        REQUIRE(lab.takeover().enable(request));
        REQUIRE(ResolvConf::parse(lab.resolv_conf()).servers.size() == 2);
        CHECK(ResolvConf::parse(lab.resolv_conf()).servers[1].host() == "10.0.0.1");
    }
    {
        FakeHost host = test::dhclient_host();
        host.with_file("/lib/ld-musl-x86_64.so.1", "");
        Lab lab(host);
        REQUIRE(lab.takeover().enable(request));
        CHECK(ResolvConf::parse(lab.resolv_conf()).servers.size() == 1);
        CHECK(lab.said.find("no second nameserver: musl") != std::string::npos);
    }
}

TEST_CASE("hostdns: nothing is touched unless postern answers a private and a forwarded name", "[hostdns]") {
    const auto untouched = [](Lab& lab) {
        CHECK(lab.host.files == lab.first);
        CHECK(lab.host.changes == 0);
        CHECK(lab.journal().state == TakeoverState::kOff);
    };
    {
        Lab lab(test::plain_host());
        lab.alive = false;
        const auto done = lab.enable();
        REQUIRE_FALSE(done);
        CHECK(done.error().what.find("postern does not answer at 127.0.0.153:53") != std::string::npos);
        untouched(lab);
    }
    {
        Lab lab(test::plain_host());
        lab.private_rcode = 2;
        CHECK_FALSE(lab.enable());
        untouched(lab);
    }
    {
        Lab lab(test::plain_host());
        lab.public_rcode = 2;
        CHECK_FALSE(lab.enable());
        untouched(lab);
    }
    {
        Lab lab(test::plain_host());
        EnableRequest request;
        request.listen = *core::SocketAddress::parse("127.0.0.1:5300", 53);
        const auto done = lab.takeover().enable(request);
        REQUIRE_FALSE(done);
        CHECK(done.error().what.find("knows port 53 only") != std::string::npos);
        untouched(lab);
    }
    {
        Lab lab(test::plain_host());
        EnableRequest request;
        request.listen = kUs;
        request.names = {kName};
        request.dry_run = true;
        REQUIRE(lab.takeover().enable(request));
        CHECK(lab.said.find("    | nameserver 127.0.0.153") != std::string::npos);
        untouched(lab);
    }
}

TEST_CASE("hostdns: enable ends when programs get our addresses, not when they get any", "[hostdns]") {
    Lab lab(test::resolved_host());
    lab.settled_us = lab.now_us + 3 * core::kSecond;
    REQUIRE(lab.enable());
    CHECK(lab.now_us >= lab.settled_us);
    Lab never(test::resolved_host());
    never.settled_us = never.now_us + 60 * core::kSecond;
    CHECK_FALSE(never.enable());
    CHECK(never.host.files == never.first);
}

TEST_CASE("hostdns: rolled back when programs can't look up through it, or a command fails", "[hostdns]") {
    {
        Lab lab(test::resolved_host());
        lab.deaf_programs = true;
        const auto done = lab.enable();
        REQUIRE_FALSE(done);
        CHECK(done.error().what.find("the host is as before") != std::string::npos);
        CHECK(lab.host.files == lab.first);
        CHECK(lab.journal().state == TakeoverState::kOff);
    }
    {
        Lab lab(test::networkmanager_host());
        lab.host.broken_nmcli = true;
        const auto done = lab.enable();
        REQUIRE_FALSE(done);
        CHECK(done.error().what.find("NetworkManager is not running") != std::string::npos);
        CHECK(lab.host.files == lab.first);
    }
}

TEST_CASE(
    "hostdns: another program rewrites resolv.conf: ours again, its file kept; in the end a truce that names the writer",
    "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    std::string theirs;
    for (std::size_t i = 1; i < kRewritesToTruce; ++i) {
        theirs = "# Generated by dhcpcd from eth0\nnameserver 10.0.1." + std::to_string(i) + "\nsearch new.example\n";
        lab.host.with_file(kResolvConf, theirs);
        lab.now_us += core::kSecond;
        REQUIRE(lab.takeover().reapply({kName}));
        CHECK(lab.host.reaches(kUs.ip, kName));
        CHECK(lab.resolv_conf().find("search new.example") != std::string::npos);
        CHECK(lab.journal().find(kResolvConf)->before.content == theirs);
    }
    theirs = "# Generated by dhcpcd from eth0\nnameserver 10.0.2.2\n";
    lab.host.with_file(kResolvConf, theirs);
    REQUIRE(lab.takeover().reapply({kName}));
    CHECK(lab.journal().state == TakeoverState::kTruce);
    CHECK(lab.resolv_conf() == theirs);
    CHECK(lab.said.find("truce: dhcpcd rewrote /etc/resolv.conf 5 times") != std::string::npos);
    REQUIRE(lab.takeover().reapply({kName}));
    CHECK(lab.resolv_conf() == theirs);
    REQUIRE(lab.enable());
    CHECK(lab.host.reaches(kUs.ip, kName));

    // Rare rewrites never end in one.
    for (int i = 0; i < 20; ++i) {
        lab.host.with_file(kResolvConf, "nameserver 10.0.3.3\n");
        lab.now_us += 2 * core::kMinute;
        REQUIRE(lab.takeover().reapply({kName}));
        CHECK(lab.journal().state == TakeoverState::kOn);
    }
}

TEST_CASE("hostdns: a file that another program wrote stays at disable", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    lab.host.with_file(kResolvConf, "nameserver 10.5.5.5\n");
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.resolv_conf() == "nameserver 10.5.5.5\n");
}

TEST_CASE("hostdns: our own file is never taken for the host's", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    REQUIRE(JournalFile(lab.folder / "hostdns.json").remove());  // the state folder was lost
    EnableRequest request;
    request.listen = kUs;
    request.names = {kName};
    lab.served.upstreams = {*core::SocketAddress::parse("10.0.0.1:53", 53)};
    REQUIRE(lab.takeover().enable(request));
    REQUIRE(lab.takeover().disable(false));
    CHECK(ResolvConf::parse(lab.resolv_conf()).servers == std::vector{*core::SocketAddress::parse("10.0.0.1", 53)});
    CHECK(lab.resolv_conf().find("search a.example b.example\n") != std::string::npos);

    REQUIRE(lab.enable());
    REQUIRE(JournalFile(lab.folder / "hostdns.json").remove());
    const auto known = std::exchange(lab.served.upstreams, {});
    CHECK_FALSE(lab.takeover().disable(false));  // nothing is known: reported, not guessed
    lab.served.upstreams = known;
    REQUIRE(lab.takeover().disable(false));
    CHECK(ResolvConf::parse(lab.resolv_conf()).servers == std::vector{*core::SocketAddress::parse("10.0.0.1", 53)});
}

TEST_CASE("hostdns: new private names enter a split", "[hostdns]") {
    Lab lab(test::resolved_host());
    REQUIRE(lab.enable());
    REQUIRE(lab.takeover().reapply({kName, "other.private.lab"}));
    CHECK(lab.host.link_domains == "~db.private.lab ~other.private.lab");
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("hostdns: the journal is believed only when it is whole and says what we write", "[hostdns]") {
    Lab lab(test::dhclient_host());
    lab.host.files[kResolvConf].content = std::string("nameserver 10.0.0.1\n# caf\xe9 \0 x\n", 31);
    lab.host.files[kResolvConf].selinux = "system_u:object_r:net_conf_t:s0";
    lab.first = lab.host.files;
    REQUIRE(lab.enable());
    const std::string text = journal_json(lab.journal());
    const auto again = parse_journal(text);
    REQUIRE(again);
    CHECK(journal_json(*again) == text);
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string damaged = text;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        if (const auto journal = parse_journal(damaged)) CHECK(journal_json(*journal) == text);
        CHECK_FALSE(parse_journal(text.substr(0, i)));
    }
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files == lab.first);

    Journal foreign = *again;
    foreign.entries.front().path = "/etc/shadow";
    CHECK_FALSE(parse_journal(journal_json(foreign)));
}

TEST_CASE("takeover: one that makes the lookups of programs slower is refused", "[hostdns]") {
    Lab slow(test::resolved_host());
    slow.through_us = 3 * core::kSecond;  // as systemd-resolved up to 250 asks an address that is not its link's
    const auto done = slow.enable();
    REQUIRE_FALSE(done);
    CHECK(done.error().what ==
          "not taken over, the host is as before: lookups of this host's programs took 3.0 s through it, 0.0 s before");
    CHECK(slow.host.files == slow.first);
    CHECK(slow.journal().state == TakeoverState::kOff);
    slow.through_us = 20 * core::kMillisecond;
    REQUIRE(slow.enable());
}

TEST_CASE("takeover: a name that the running postern does not know yet asks for a reload", "[hostdns]") {
    Lab lab(test::plain_host());
    lab.private_rcode = 3;
    const auto done = lab.enable();
    REQUIRE_FALSE(done);
    CHECK(done.error().hint == "was postern.toml edited since? systemctl reload postern, then: postern dns enable");
}

TEST_CASE("takeover: resolved up to systemd 250 asks us at the address of our interface", "[hostdns]") {
    for (const int version : {247, 250, 251}) {
        for (const bool networkd : {true, false}) {
            Lab lab(networkd ? test::resolved_host() : test::nm_resolved_host());
            lab.host.resolved_version = version;
            REQUIRE(lab.enable());
            CHECK(lab.host.link_dns == (version <= 250 ? "192.0.0.8" : "127.0.0.153"));
            CHECK(lab.journal().decision.asks_link == (version <= 250));
            CHECK(lab.journal().target.listen == kUs);  // where the rescue asks
            REQUIRE(lab.takeover().disable(false));
            CHECK(lab.host.files == lab.first);
        }
    }
}

TEST_CASE("takeover: the address of our interface is never an upstream", "[hostdns]") {
    Lab lab(test::uplink_host());
    lab.host.with_file("/run/systemd/resolve/resolv.conf", "nameserver 192.0.0.8\nnameserver 10.0.0.1\n");
    const auto found = host_upstreams(lab.host, {kUs}, Journal{}).servers;
    REQUIRE(found.size() == 1);
    CHECK(found[0].host() == "10.0.0.1");
}

TEST_CASE("hostdns: a failure of a moment, as of a network that is coming up, does not refuse a takeover",
          "[hostdns]") {
    Lab lab(test::plain_host());
    lab.public_rcode = 2;
    const core::Micros began = lab.now_us;
    lab.on_pause = [&] { lab.public_rcode = lab.now_us - began < 2 * core::kSecond ? 2 : 3; };
    CHECK(lab.enable());
    CHECK(lab.journal().state == TakeoverState::kOn);
}
