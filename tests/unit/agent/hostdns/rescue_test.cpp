// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/log.h"
#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using test::kName;
using test::kUs;
using test::Lab;

TEST_CASE(
    "hostdns: rescue gives the host its DNS back when postern does not answer, and takes over again after 30 good seconds",
    "[hostdns]") {
    Lab lab(test::plain_host());
    lab.host.with_file("/run/systemd/system/x", "");
    lab.first = lab.host.files;
    REQUIRE(lab.enable());
    lab.rescue();  // it answers: nothing happens
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
    lab.rescue();
    CHECK(given_back_us - died <= 10 * core::kSecond);
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK(lab.host.reaches(kUs.ip, kName));
    CHECK(lab.now_us - alive_again_us >= Rescue::kGoodFor);
    CHECK(lab.now_us - alive_again_us <= Rescue::kGoodFor + 20 * core::kSecond);

    // A user's decision in the meantime takes precedence.
    lab.alive = false;
    lab.on_pause = [&] {
        if (lab.journal().state == TakeoverState::kSuspended) REQUIRE(lab.takeover().disable(false));
    };
    lab.rescue();
    CHECK(lab.journal().state == TakeoverState::kOff);
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("hostdns: a rescue that watches gives back within 12 s, whatever became of the resolver", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    Rescue rescue = lab.rescuer();
    core::Micros wait = rescue.look();
    CHECK(lab.journal().state == TakeoverState::kOn);
    lab.alive = false;
    const core::Micros died = lab.now_us;
    lab.now_us += wait;
    rescue.look();
    CHECK(lab.journal().state == TakeoverState::kSuspended);
    CHECK(lab.host.files == lab.first);
    CHECK(lab.now_us - died <= 12 * core::kSecond);
}

TEST_CASE("hostdns: a resolver that is killed again and again, and answers what waits, is not given up", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    Rescue rescue = lab.rescuer();
    lab.now_us += rescue.look();
    lab.wait_us = 2500 * core::kMillisecond;
    lab.now_us += rescue.look();
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK(lab.journal().suspensions.empty());
}

TEST_CASE("hostdns: at boot the resolver has time to start before the host is given back", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    lab.alive = false;
    const core::Micros booted = lab.now_us;
    lab.on_pause = [&] { lab.alive = lab.now_us - booted >= 6 * core::kSecond; };
    lab.rescue();
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK(lab.journal().suspensions.empty());
}

TEST_CASE("hostdns: a rescue starts no units that a person disabled, and takes over again when they answer",
          "[hostdns]") {
    Lab lab(test::plain_host());
    lab.host.with_file("/run/systemd/system/x", "");
    lab.host.disabled_units = true;
    lab.first = lab.host.files;
    REQUIRE(lab.enable());
    lab.alive = false;
    Rescue rescue = lab.rescuer();
    for (int i = 0; i < 20; ++i)
        lab.now_us += rescue.look();
    CHECK(lab.journal().state == TakeoverState::kSuspended);
    CHECK(std::none_of(lab.host.ran.begin(), lab.host.ran.end(),
                       [](const std::string& command) { return command.find(" start ") != std::string::npos; }));
    lab.alive = true;
    lab.rescue();
    CHECK(lab.host.reaches(kUs.ip, kName));
}

TEST_CASE("hostdns: a host whose journal is lost gets the servers that postern forwarded to", "[hostdns]") {
    for (const bool damaged : {false, true}) {
        Lab lab(test::plain_host());
        lab.served.upstreams = {*core::SocketAddress::parse("10.0.0.9", 53)};
        REQUIRE(lab.enable());
        const std::string path = lab.folder / "hostdns.json";
        REQUIRE((damaged ? ::truncate(path.c_str(), 9) : ::unlink(path.c_str())) == 0);
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
        Rescue rescue = lab.rescuer();
        rescue.look();
        CHECK(lab.host.reaches(kUs.ip, kName));  // it answers: nothing is lost
        lab.alive = false;
        rescue.look();
        core::capture_log({});
        CHECK_FALSE(lab.host.reaches(kUs.ip, kName));
        CHECK(lab.resolv_conf().find("nameserver 10.0.0.9\n") != std::string::npos);
    }
}

TEST_CASE("hostdns: at most three takeovers an hour after rescues", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    const core::Micros began = lab.now_us;
    core::Micros last = 0;
    for (std::size_t i = 0; i <= Rescue::kMaxPerHour; ++i) {
        lab.alive = false;
        lab.on_pause = [&] { lab.alive = lab.alive || lab.journal().state == TakeoverState::kSuspended; };
        lab.rescue();
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
    std::string log;
    core::capture_log([&](core::Level, std::string_view, const std::string& line) { log += line + "\n"; });
    lab.on_pause = [&] {
        if (rounds < 10) CHECK(lab.host.ran.empty());
        if (log.find("not everything could be given back") == std::string::npos) return;
        if (++rounds == 10) lab.host.read_only.clear();
        if (lab.journal().state == TakeoverState::kSuspended) lab.alive = true;
    };
    lab.rescue();
    core::capture_log({});
    CHECK(rounds >= 10);
    CHECK(log.find("rescue_failed") == log.rfind("rescue_failed"));  // told once
    CHECK(lab.host.reaches(kUs.ip, kName));
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("hostdns: a rescue never stops the units of a host that the user has pointed at postern meanwhile",
          "[hostdns]") {
    Lab lab(test::plain_host());
    lab.host.with_file("/run/systemd/system/x", "");
    REQUIRE(lab.enable());
    lab.alive = false;
    bool enabled = false;
    lab.on_pause = [&] {
        if (lab.journal().state == TakeoverState::kSuspended && !lab.host.ran.empty() &&
            lab.host.ran.back().find(" start ") != std::string::npos) {
            lab.alive = true;
            REQUIRE(lab.enable());
            lab.host.ran.clear();
            enabled = true;
            lab.alive = false;  // one canary of the thirty is lost
        } else if (enabled) {
            lab.alive = true;
        }
    };
    lab.rescue();
    CHECK(enabled);
    CHECK(lab.host.ran.empty());
    CHECK(lab.journal().state == TakeoverState::kOn);
}

TEST_CASE("hostdns: taking up again that fails, or is killed, stays suspended", "[hostdns]") {
    Lab lab(test::networkmanager_host());
    REQUIRE(lab.enable());
    REQUIRE(lab.takeover().suspend("tried"));
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
    lab.on_look_up = [&] {
        if (lab.host.reaches(kUs.ip, kName)) lab.host.read_only.insert("/etc");  // by now full, or chattr +i
    };
    lab.settled_us = lab.now_us + 3600 * core::kSecond;
    const auto done = lab.enable();
    REQUIRE_FALSE(done);
    CHECK(done.error().what.find("as before") == std::string::npos);
    CHECK(lab.journal().state == TakeoverState::kEnabling);
    lab.host.read_only.clear();
    REQUIRE(lab.takeover().recover(false));
    CHECK(lab.host.files == lab.first);
}

TEST_CASE("hostdns: an impossible enable changes nothing", "[hostdns]") {
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

TEST_CASE("hostdns: another program takes the host away from resolved: the split follows to where programs ask",
          "[hostdns]") {
    Lab lab(test::resolved_host());
    REQUIRE(lab.enable(Mode::kAuto));
    lab.host.files.erase(kResolvConf);
    lab.host.with_file(kResolvConf, "nameserver 10.0.0.1\n").with_file("/etc/nsswitch.conf", "hosts: files dns\n");
    const auto theirs = lab.host.files[kResolvConf];
    REQUIRE(lab.takeover().reapply({kName}));
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK(lab.journal().decision.mode == Mode::kFull);
    CHECK(ResolvConf::parse(lab.resolv_conf()).servers.front().ip == kUs.ip);
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.host.files[kResolvConf] == theirs);
}

TEST_CASE("hostdns: taken away from resolved while postern is silent: the rescue takes up again later", "[hostdns]") {
    Lab lab(test::resolved_host());
    REQUIRE(lab.enable(Mode::kAuto));
    lab.host.files.erase(kResolvConf);
    lab.host.with_file(kResolvConf, "nameserver 10.0.0.1\n").with_file("/etc/nsswitch.conf", "hosts: files dns\n");
    lab.alive = false;
    CHECK_FALSE(lab.takeover().reapply({kName}));
    CHECK(lab.journal().state == TakeoverState::kSuspended);
    CHECK(lab.host.ran.back() == "systemctl --no-block start postern-rescue.service");
    CHECK(lab.resolv_conf() == "nameserver 10.0.0.1\n");
    lab.alive = true;
    lab.rescue();
    CHECK(lab.host.reaches(kUs.ip, kName));
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
    CHECK(lab.resolv_conf() == lab.first[kResolvConf].content + "nameserver 8.8.8.8\n");
    CHECK(lab.host.files[kResolvConf].mode == lab.first[kResolvConf].mode);
}

TEST_CASE("hostdns: a name that /etc/hosts shadows says nothing about resolvers, and is said", "[hostdns]") {
    Lab lab(test::plain_host());
    lab.host.with_file("/etc/hosts", "10.9.9.9 " + kName + "\n");
    lab.settled_us = lab.now_us + 3600 * core::kSecond;  // programs never get our address for it
    REQUIRE(lab.enable());
    CHECK(lab.said.find("sed -i -E '/") != std::string::npos);
}

TEST_CASE("hostdns: a journal that is not believed is set aside, and nothing of ours stays behind", "[hostdns]") {
    Lab lab(test::resolved_host());
    REQUIRE(lab.enable());
    const std::string path = lab.folder / "hostdns.json";
    REQUIRE(JournalFile(path).load());
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
    CHECK_FALSE(JournalFile(path).load());
    REQUIRE(lab.takeover().disable(false));
    CHECK(lab.journal().state == TakeoverState::kOff);
    CHECK(lab.host.files == lab.first);
    CHECK_FALSE(lab.host.link_up);

    Journal forged;
    forged.state = TakeoverState::kDisabling;
    forged.target.listen = kUs;
    REQUIRE(parse_journal(journal_json(forged)));
    forged.entries.push_back({kDhclientHook, FileState::file("touch /root/here\n"), FileState{}});
    CHECK_FALSE(parse_journal(journal_json(forged)));
}

TEST_CASE("hostdns: a journal with a second name, or behind a link, is not the file that we wrote", "[hostdns]") {
    const test::TempFolder folder;
    const std::string path = folder / "hostdns.json", other = folder / "other";
    Journal journal;
    journal.state = TakeoverState::kOn;
    journal.target.listen = kUs;
    REQUIRE(JournalFile(path).save(journal));
    REQUIRE(JournalFile(path).load());
    REQUIRE(::link(path.c_str(), other.c_str()) == 0);
    CHECK_FALSE(JournalFile(path).load());
    REQUIRE(::unlink(path.c_str()) == 0);
    CHECK(JournalFile(other).load());
    REQUIRE(::symlink(other.c_str(), path.c_str()) == 0);
    CHECK_FALSE(JournalFile(path).load());
}
