#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include "agent/hostdns/rescue.h"
#include "tests/unit/agent/hostdns_hosts.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using test::FakeHost;

namespace {

const core::SocketAddress kUs = *core::SocketAddress::parse("127.0.0.153:53", 53);
const std::string kName = "db.private.lab";
const core::IpAddress kPrivate = *core::IpAddress::parse("10.0.7.1"), kPublic = *core::IpAddress::parse("192.0.2.80");

/// A host, its journal on a real disk, and a postern that answers or does not.
struct Lab {
    explicit Lab(FakeHost h) : host(std::move(h)), first(host.files) {}

    TakeoverHooks hooks() {
        TakeoverHooks hooks;
        hooks.wall_us = hooks.mono_us = [this] { return now_us; };
        hooks.pause = [this](core::Micros us) {
            now_us += us;
            if (on_pause) on_pause();
        };
        hooks.ask = [this](const core::SocketAddress&, const std::string& name, core::Micros timeout_us) -> core::Result<ListenerAnswer> {
            if (!alive) {
                now_us += timeout_us;
                return core::fail(core::Code::kTimeout, "no answer");
            }
            if (name != kName) return ListenerAnswer{public_rcode, {}};
            return ListenerAnswer{private_rcode, {kPrivate}};
        };
        hooks.look_up = [this](const std::string& name) -> Lookup {
            if (deaf_programs) return {Lookup::Outcome::kFailed, {}};
            if (on_look_up) on_look_up();
            if (name == kName && host.reaches(kUs.ip, kName) && now_us >= settled_us) return {Lookup::Outcome::kAnswered, {kPrivate}};
            if (name == kName) return {Lookup::Outcome::kAnswered, {kPublic}};  // the name exists outside as well
            return {Lookup::Outcome::kNoSuchName, {}};
        };
        hooks.say = [this](const std::string& line) { said += line + "\n"; };
        return hooks;
    }
    /// Each call is a process of its own.
    Takeover takeover() { return {host, JournalFile(folder / "hostdns.json"), hooks()}; }
    core::Result<void> enable(Mode mode = Mode::kAuto, std::vector<std::string> names = {kName}) {
        EnableRequest request;
        request.mode = mode;
        request.listen = kUs;
        request.names = std::move(names);
        return takeover().enable(request);
    }
    Journal journal() { return JournalFile(folder / "hostdns.json").load().value(); }
    std::string resolv_conf() { return host.read(kResolvConf).value_or(""); }

    test::TempFolder folder;
    FakeHost host;
    std::map<std::string, FileState> first;
    core::Micros now_us = 1'800'000'000 * core::kSecond;
    bool alive = true, deaf_programs = false;
    int private_rcode = 0, public_rcode = 3;
    core::Micros settled_us = 0;  // owners of DNS take a moment to follow
    std::function<void()> on_pause, on_look_up;
    core::Result<void> rescue() {
        RescueHooks own{[] { return std::vector{kName}; }, [](const auto& work) { return work(); }};
        return Rescue(host, JournalFile(folder / "hostdns.json"), hooks(), own).run();
    }
    std::string said;
};

struct Kind {
    const char* name;
    FakeHost (*make)();
    Mode mode;
};
const Kind kKinds[] = {
    {"resolved split", test::resolved_host, Mode::kSplit},       {"resolved full", test::resolved_host, Mode::kFull},
    {"resolved-uplink", test::uplink_host, Mode::kFull},         {"networkmanager", test::networkmanager_host, Mode::kFull},
    {"nm-resolved split", test::nm_resolved_host, Mode::kSplit}, {"nm-resolved full", test::nm_resolved_host, Mode::kFull},
    {"dhclient", test::dhclient_host, Mode::kFull},              {"resolvconf", test::resolvconf_host, Mode::kFull},
    {"openresolv", test::openresolv_host, Mode::kFull},          {"plain", test::plain_host, Mode::kFull},
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
    CHECK(text.find("\nnameserver 127.0.0.153\noptions timeout:2 attempts:3 rotate single-request-reopen\nsearch a.example b.example\n") != text.npos);
    CHECK(ResolvConf::parse(text).servers.size() == 1);
    CHECK(lab.host.files[kResolvConf].mode == 0644);  // 0600 would shut out every user
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files == lab.first);               // 0600 again
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
        CHECK(ResolvConf::parse(lab.resolv_conf()).servers[1].text() == "10.0.0.1");
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

TEST_CASE("hostdns: somebody rewrites resolv.conf: ours again, theirs kept; at last a truce that names the writer", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    std::string theirs;
    for (std::size_t i = 1; i < Takeover::kRewritesToTruce; ++i) {
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

TEST_CASE("hostdns: a file that somebody else wrote is theirs at disable", "[hostdns]") {
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
    request.known_upstreams = {*core::SocketAddress::parse("10.0.0.1:53", 53)};
    REQUIRE(lab.takeover().enable(request));
    REQUIRE(lab.takeover().disable(false));
    CHECK(ResolvConf::parse(lab.resolv_conf()).servers == std::vector{*core::IpAddress::parse("10.0.0.1")});
    CHECK(lab.resolv_conf().find("search a.example b.example\n") != std::string::npos);

    REQUIRE(lab.enable());
    REQUIRE(JournalFile(lab.folder / "hostdns.json").remove());
    CHECK_FALSE(lab.takeover().disable(false));  // nothing is known: said, not guessed
    REQUIRE(lab.takeover().disable(false, request.known_upstreams));
    CHECK(ResolvConf::parse(lab.resolv_conf()).servers == std::vector{*core::IpAddress::parse("10.0.0.1")});
}

TEST_CASE("hostdns: new private names enter a split", "[hostdns]") {
    Lab lab(test::resolved_host());
    REQUIRE(lab.enable());
    REQUIRE(lab.takeover().reapply({kName, "other.private.lab"}));
    CHECK(lab.host.link_domains == "~db.private.lab ~other.private.lab");
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("hostdns: a lease that only our hook saw is what the file says after disable", "[hostdns]") {
    Lab lab(test::dhclient_host());
    REQUIRE(lab.enable());
    lab.host.with_file(kLeaseFile, "domain new.example\nsearch new.example\nnameserver 10.0.0.2\n");
    REQUIRE(lab.takeover().reapply({kName}));
    CHECK(lab.resolv_conf().find("search new.example") != std::string::npos);
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.resolv_conf() == "domain new.example\nsearch new.example\nnameserver 10.0.0.2\n");
    CHECK(lab.host.files[kResolvConf].gid == 7);
    CHECK(lab.host.files.count(kLeaseFile) == 0);
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

TEST_CASE("hostdns: rescue gives the host its DNS back when nobody answers, and takes up again after 30 good seconds", "[hostdns]") {
    Lab lab(test::plain_host());
    lab.host.with_file("/run/systemd/system/x", "");
    lab.first = lab.host.files;
    REQUIRE(lab.enable());
    const auto run = [&] { return lab.rescue(); };
    REQUIRE(run());  // it answers: nothing happens
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK(lab.host.ran.empty());

    lab.alive = false;
    const core::Micros died = lab.now_us;
    core::Micros given_back_us = 0, alive_again_us = 0;
    lab.on_pause = [&] {
        if (lab.journal().state == TakeoverState::kSuspended && given_back_us == 0) {
            given_back_us = lab.journal().since_wall_us;
            CHECK(lab.host.files == lab.first);
            CHECK(lab.host.ran.front() == "systemctl --no-block stop postern-resolver.socket postern-resolver.service");
        }
        if (given_back_us != 0 && alive_again_us == 0 && lab.now_us > given_back_us + 60 * core::kSecond) {
            lab.alive = true;
            alive_again_us = lab.now_us;
        }
    };
    REQUIRE(run());
    CHECK(given_back_us - died <= 10 * core::kSecond);
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK(lab.host.reaches(kUs.ip, kName));
    CHECK(lab.now_us - alive_again_us >= Rescue::kGoodFor);
    CHECK(lab.now_us - alive_again_us <= Rescue::kGoodFor + 20 * core::kSecond);

    // A user who decides otherwise in the meantime is obeyed.
    lab.alive = false;
    lab.on_pause = [&] {
        if (lab.journal().state == TakeoverState::kSuspended) REQUIRE(lab.takeover().disable(false));
    };
    REQUIRE(run());
    CHECK(lab.journal().state == TakeoverState::kOff);
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("hostdns: at most three takeovers an hour after rescues", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    const core::Micros began = lab.now_us;
    core::Micros last = 0;
    for (std::size_t i = 0; i <= Rescue::kMostAnHour; ++i) {
        lab.alive = false;
        lab.on_pause = [&] { lab.alive = lab.alive || lab.journal().state == TakeoverState::kSuspended; };
        REQUIRE(lab.rescue());
        CHECK(lab.journal().state == TakeoverState::kOn);
        last = lab.now_us;
    }
    CHECK(last - began > 60 * core::kMinute);
    CHECK(last - began < 70 * core::kMinute);
}

TEST_CASE("hostdns: a rescue that can't give back leaves the units running and tries again", "[hostdns]") {
    Lab lab(test::plain_host());
    lab.host.with_file("/run/systemd/system/x", "");
    lab.first = lab.host.files;
    REQUIRE(lab.enable());
    lab.alive = false;
    lab.host.read_only.insert("/etc");
    int rounds = 0;
    lab.on_pause = [&] {
        if (rounds < 10) CHECK(lab.host.ran.empty());
        if (lab.said.find("not everything could be given back") == std::string::npos) return;
        if (++rounds == 10) lab.host.read_only.clear();
        if (lab.journal().state == TakeoverState::kSuspended) lab.alive = true;
    };
    REQUIRE(lab.rescue());
    CHECK(rounds >= 10);
    CHECK(lab.host.reaches(kUs.ip, kName));
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("hostdns: a rescue never stops the units of a host that the user has pointed at postern meanwhile", "[hostdns]") {
    Lab lab(test::plain_host());
    lab.host.with_file("/run/systemd/system/x", "");
    REQUIRE(lab.enable());
    lab.alive = false;
    bool enabled = false;
    lab.on_pause = [&] {
        if (lab.journal().state == TakeoverState::kSuspended && !lab.host.ran.empty() && lab.host.ran.back().find(" start ") != std::string::npos) {
            lab.alive = true;
            REQUIRE(lab.enable());
            lab.host.ran.clear();
            enabled = true;
            lab.alive = false;  // one canary of the thirty is lost
        } else if (enabled) {
            lab.alive = true;
        }
    };
    REQUIRE(lab.rescue());
    CHECK(enabled);
    CHECK(lab.host.ran.empty());
    CHECK(lab.journal().state == TakeoverState::kOn);
}

TEST_CASE("hostdns: taking up again that fails, or is killed, stays suspended", "[hostdns]") {
    Lab lab(test::networkmanager_host());
    REQUIRE(lab.enable());
    REQUIRE(lab.takeover().suspend());
    lab.host.broken_nmcli = true;
    CHECK_FALSE(lab.takeover().resume({kName}));
    CHECK(lab.journal().state == TakeoverState::kSuspended);
    CHECK(lab.journal().suspensions.size() == 1);
    CHECK(lab.host.files == lab.first);
    lab.host.broken_nmcli = false;
    lab.host.kill_after = lab.host.changes + 1;
    try {
        const auto done = lab.takeover().resume({kName});
        CHECK_FALSE(done);
    } catch (const test::Killed&) {
    }
    REQUIRE(lab.takeover().recover(true));
    CHECK(lab.journal().state == TakeoverState::kSuspended);
    CHECK(lab.host.files == lab.first);
    REQUIRE(lab.takeover().resume({kName}));
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK_FALSE(lab.journal().suspended_after);
}

TEST_CASE("hostdns: a rollback that fails keeps the journal, which alone knows how the host was", "[hostdns]") {
    Lab lab(test::plain_host());
    lab.on_look_up = [&] { lab.host.read_only.insert("/etc"); };  // by now full, or chattr +i
    lab.settled_us = lab.now_us + 3600 * core::kSecond;
    const auto done = lab.enable();
    REQUIRE_FALSE(done);
    CHECK(done.error().what.find("as before") == std::string::npos);
    CHECK(lab.journal().state == TakeoverState::kEnabling);
    lab.host.read_only.clear();
    REQUIRE(lab.takeover().recover(false));
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("hostdns: enable in a way that is not possible goes on as it was", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable(Mode::kFull));
    CHECK_FALSE(lab.enable(Mode::kSplit));
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK(lab.host.reaches(kUs.ip, kName));
    lab.alive = false;
    CHECK_FALSE(lab.enable(Mode::kSplit));
    CHECK(lab.journal().state == TakeoverState::kOn);
    lab.alive = true;
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("hostdns: somebody takes the host away from resolved: the split follows to where programs ask", "[hostdns]") {
    Lab lab(test::resolved_host());
    REQUIRE(lab.enable(Mode::kAuto));
    lab.host.files.erase(kResolvConf);
    lab.host.with_file(kResolvConf, "nameserver 10.0.0.1\n").with_file("/etc/nsswitch.conf", "hosts: files dns\n");
    const auto theirs = lab.host.files[kResolvConf];
    REQUIRE(lab.takeover().reapply({kName}));
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK(lab.journal().decision.mode == Mode::kFull);
    CHECK(ResolvConf::parse(lab.resolv_conf()).servers.front() == kUs.ip);
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files[kResolvConf] == theirs);
}

TEST_CASE("hostdns: lines added to our file end in a truce as well", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    for (int i = 0; i < 10 && lab.journal().state == TakeoverState::kOn; ++i) {
        lab.host.with_file(kResolvConf, lab.resolv_conf() + "nameserver 8.8.8.8\n");
        lab.now_us += core::kSecond;
        REQUIRE(lab.takeover().reapply({kName}));
    }
    CHECK(lab.journal().state == TakeoverState::kTruce);
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("hostdns: a name that /etc/hosts shadows says nothing about resolvers, and is said", "[hostdns]") {
    Lab lab(test::plain_host());
    lab.host.with_file("/etc/hosts", "10.9.9.9 " + kName + "\n");
    lab.settled_us = lab.now_us + 3600 * core::kSecond;  // programs never get our address for it
    REQUIRE(lab.enable());
    CHECK(lab.said.find("sed -i '1d' /etc/hosts") != std::string::npos);
}

TEST_CASE("hostdns: a journal that is not believed is set aside, and nothing of ours stays behind", "[hostdns]") {
    Lab lab(test::resolved_host());
    REQUIRE(lab.enable());
    const std::string path = lab.folder / "hostdns.json";
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
    CHECK_FALSE(JournalFile(path).load());
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.journal().state == TakeoverState::kOff);
    CHECK(lab.host.files == lab.first);
    CHECK_FALSE(lab.host.link_up);

    Journal forged;
    forged.state = TakeoverState::kDisabling;
    forged.target.listen = kUs;
    forged.entries.push_back({kDhclientHook, FileState::file("touch /root/here\n"), FileState{}});
    CHECK_FALSE(parse_journal(journal_json(forged)));
    // Through another name, or with two of them, it is not the file that we wrote.
    REQUIRE(JournalFile(path).save(Journal{}));
    REQUIRE(::link(path.c_str(), (path + "2").c_str()) == 0);
    CHECK_FALSE(JournalFile(path).load());
}
