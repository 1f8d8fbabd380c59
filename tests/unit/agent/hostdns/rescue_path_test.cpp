// SPDX-License-Identifier: Apache-2.0
// What the rescue does where programs do not get our answers, although all of ours runs.
#include "core/log.h"
#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using test::kName;
using test::kUs;
using test::Lab;

TEST_CASE("hostdns: a link that another program emptied is set right within ten seconds", "[hostdns]") {
    for (const bool networkd : {true, false}) {
        Lab lab(networkd ? test::resolved_host() : test::nm_resolved_host());
        REQUIRE(lab.enable());
        Rescue rescue = lab.rescuer();
        const auto turn = [&] {
            for (const auto until = lab.now_us + Rescue::kPathEvery; lab.now_us < until;)
                lab.now_us += rescue.look();
        };
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
        turn();
        CHECK(lab.seen.state == PathState::kWorks);
        lab.host.link_dns = lab.host.link_domains = "";  // resolvectl revert postern0
        turn();
        turn();
        core::capture_log({});
        CHECK(lab.host.reaches(kUs.ip, kName));
        CHECK(lab.seen.state == PathState::kWorks);
        CHECK(lab.journal().state == TakeoverState::kOn);
        CHECK(lab.journal().suspensions.empty());
    }
}

TEST_CASE("hostdns: what does not help in a few tries is given back, with its reason, and tried again ever more rarely",
          "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    Rescue rescue = lab.rescuer();
    lab.now_us += rescue.look();
    lab.settled_us = lab.now_us + 1000 * core::kMinute;  // programs get the name's public address
    const core::Micros began = lab.now_us;
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    while (lab.journal().state == TakeoverState::kOn && lab.now_us - began < core::kHour)
        lab.now_us += rescue.look();
    CHECK(lab.journal().state == TakeoverState::kSuspended);
    CHECK(lab.now_us - began <= 20 * core::kSecond);
    CHECK(lab.host.files == lab.first);
    CHECK(lab.journal().why == "programs of this host can't look up " + kName + " through it");
    CHECK(report_host_dns(lab.host, lab.journal(), {}, {}).text().find(lab.journal().why) != std::string::npos);
    std::vector<core::Micros> tries;
    while (lab.now_us - began < core::kHour) {
        const int before = lab.host.changes;
        lab.now_us += rescue.look();
        if (lab.host.changes != before) tries.push_back(lab.now_us);
    }
    CHECK(lab.journal().why.find("could not look up " + kName) != std::string::npos);
    CHECK(tries.size() >= 8);
    CHECK(tries.size() <= 20);
    CHECK(lab.host.files == lab.first);
    lab.settled_us = 0;
    lab.host.with_file(kResolvConf, "nameserver 10.0.0.9\n");  // an event: tried at once
    const core::Micros again = lab.now_us;
    while (lab.journal().state != TakeoverState::kOn && lab.now_us - again < core::kHour)
        lab.now_us += rescue.look();
    core::capture_log({});
    CHECK(lab.now_us - again <= core::kMinute);
    CHECK(lab.host.reaches(kUs.ip, kName));
}

TEST_CASE("hostdns: where the owner is gone the host is taken over in another way, and said so", "[hostdns]") {
    for (const bool open : {false, true}) {
        Lab lab(open ? test::openresolv_host() : test::resolvconf_host());
        lab.served.upstreams = {*core::SocketAddress::parse("10.0.0.1", 53)};
        REQUIRE(lab.enable());
        REQUIRE(lab.journal().decision.owner == (open ? Owner::kOpenresolv : Owner::kResolvconf));
        // As Debian's resolvconf does when it is purged: the generated file stays as an ordinary one.
        const std::string text = lab.resolv_conf();
        lab.host.programs.clear();
        lab.host.files.erase("/run/resolvconf/resolv.conf");
        lab.host.with_file(kResolvConf, text);
        REQUIRE(lab.takeover().reapply({kName}));
        CHECK(lab.said.find("is gone from this host: taking over again, in another way") != std::string::npos);
        CHECK(lab.journal().state == TakeoverState::kOn);
        CHECK(lab.journal().decision.file != FileWay::kResolvconf);
        CHECK(lab.journal().decision.file != FileWay::kOpenresolv);
        CHECK(lab.host.reaches(kUs.ip, kName));
        REQUIRE(lab.takeover().disable(false));
        CHECK(ResolvConf::parse(lab.resolv_conf()).names(*core::IpAddress::parse("10.0.0.1")));
        CHECK_FALSE(ResolvConf::parse(lab.resolv_conf()).names(kUs.ip));
        CHECK_FALSE(has_record(lab.host));  // for a resolvconf that is installed later
    }
}

TEST_CASE("hostdns: a split that is not possible for a moment is suspended for that reason, and taken up again",
          "[hostdns]") {
    Lab lab(test::resolved_host());
    REQUIRE(lab.enable(Mode::kSplit));
    lab.host.with_file(kResolvConf, "nameserver 10.0.0.1\n");  // a person, or a package that is being replaced
    CHECK_FALSE(lab.takeover().reapply({kName}));
    CHECK(lab.journal().state == TakeoverState::kSuspended);
    CHECK(lab.journal().why.find("split needs a resolver that routes by name") != std::string::npos);
    Rescue rescue = lab.rescuer();
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    for (const auto began = lab.now_us; lab.now_us - began < 20 * core::kMinute;)
        lab.now_us += rescue.look();
    CHECK(lab.journal().state == TakeoverState::kSuspended);
    lab.host.with_link(kResolvConf, "../run/systemd/resolve/stub-resolv.conf");
    for (const auto began = lab.now_us; lab.now_us - began < 2 * core::kMinute;)
        lab.now_us += rescue.look();
    core::capture_log({});
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK(lab.journal().decision.mode == Mode::kSplit);
    CHECK(lab.host.reaches(kUs.ip, kName));
}

TEST_CASE("hostdns: a host whose programs find no public names has its own DNS back within 15 s", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    Rescue rescue = lab.rescuer();
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    lab.now_us += rescue.look();
    lab.deaf_programs = true;
    const core::Micros began = lab.now_us;
    while (lab.journal().state == TakeoverState::kOn && lab.now_us - began < core::kHour)
        lab.now_us += rescue.look();
    core::capture_log({});
    CHECK(lab.now_us - began <= 15 * core::kSecond);
    CHECK(lab.host.files == lab.first);
    CHECK(lab.journal().why == "programs of this host can't look up example.com through it");
}

TEST_CASE("hostdns: at boot the host's own programs have a moment to start", "[hostdns]") {
    Lab lab(test::resolved_host());
    REQUIRE(lab.enable());
    lab.settled_us = lab.now_us + 15 * core::kSecond;
    const auto changes = lab.host.changes;
    Rescue rescue = lab.rescuer();
    while (lab.now_us < lab.settled_us) {
        lab.now_us += rescue.look();
        CHECK(lab.seen.state != PathState::kUnknown);
    }
    CHECK(lab.host.changes == changes);
    lab.now_us += rescue.look();
    lab.now_us += rescue.look();
    CHECK(lab.seen.state == PathState::kWorks);
}

TEST_CASE(
    "hostdns: what breaks right after a takeover is set right as quickly as later, also by a rescue that just began",
    "[hostdns]") {
    Lab lab(test::nm_resolved_host());
    Rescue rescue = lab.rescuer();
    lab.now_us += rescue.look();
    REQUIRE(lab.enable());
    lab.host.link_dns = lab.host.link_domains = "";
    const core::Micros began = lab.now_us;
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    while (!lab.host.reaches(kUs.ip, kName) && lab.now_us - began < core::kHour)
        lab.now_us += rescue.look();
    core::capture_log({});
    CHECK(lab.now_us - began <= 10 * core::kSecond);
}

TEST_CASE("hostdns: an owner that is restarting is waited for", "[hostdns]") {
    Lab lab(test::nm_resolved_host());
    REQUIRE(lab.enable());
    Rescue rescue = lab.rescuer();
    lab.now_us += rescue.look();
    lab.host.broken_nmcli = true;
    lab.host.link_dns = lab.host.link_domains = "";
    const core::Micros began = lab.now_us;
    lab.on_pause = [&] { lab.host.broken_nmcli = lab.now_us < began + 8 * core::kSecond; };
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    while (lab.now_us < began + 20 * core::kSecond)
        lab.now_us += rescue.look();
    core::capture_log({});
    CHECK(lab.journal().state == TakeoverState::kOn);
    CHECK(lab.journal().suspensions.empty());
    CHECK(lab.host.reaches(kUs.ip, kName));
}
