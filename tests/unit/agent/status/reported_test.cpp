// SPDX-License-Identifier: Apache-2.0
#include "agent/status/reported.h"

#include "agent/faults/fault_text.h"
#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

std::string english(const Fault& fault) {
    return told(fault, doctor::Catalogue::in(doctor::Language::kEnglish));
}

HostDnsReport taken_over(TakeoverState state) {
    HostDnsReport r;
    r.journal.state = state;
    r.journal.since_wall_us = 1767323045LL * core::kSecond;
    r.journal.target.listen = *core::SocketAddress::parse("127.0.0.153:53", 53);
    return r;
}

std::vector<std::string> codes(const HostDnsReport& report) {
    std::vector<std::string> out;
    for (const Fault& f : host_faults(report, {})) {
        CHECK(f.state == doctor::State::kWarn);
        CHECK(english(f).find('{') == std::string::npos);
        out.push_back(f.code);
    }
    return out;
}

using Codes = std::vector<std::string>;

}  // namespace

TEST_CASE("reported: a takeover that is on and answered is no fault", "[reported]") {
    HostDnsReport r = taken_over(TakeoverState::kOn);
    CHECK(codes(r).empty());
    r.seen = {PathState::kFails, "db.private.lab", 1};
    CHECK(codes(r) == Codes{"PN-RESOLV-BROKEN"});
    r.silent = true;
    CHECK(codes(r) == Codes{"PN-RESOLV-SILENT"});
    CHECK(command_line(fix_command(host_faults(r, {})[0])) == "systemctl start postern-rescue postern-resolver");
    r.unwatched = true;
    CHECK(codes(r) == Codes{"PN-RESOLV-SILENT", "PN-RESOLV-UNWATCHED"});
    r.out_of_place = {"/etc/resolv.conf", "/etc/nsswitch.conf"};
    CHECK(codes(r).size() == 4);
}

TEST_CASE("reported: each state between on and off is told with its time, in UTC", "[reported]") {
    CHECK(codes(taken_over(TakeoverState::kOff)).empty());
    for (const auto& [state, code] : {std::pair{TakeoverState::kSuspended, "PN-RESOLV-SUSPENDED"},
                                      {TakeoverState::kTruce, "PN-RESOLV-TRUCE"},
                                      {TakeoverState::kEnabling, "PN-RESOLV-UNFINISHED"},
                                      {TakeoverState::kDisabling, "PN-RESOLV-UNFINISHED"}}) {
        const HostDnsReport r = taken_over(state);
        INFO(code);
        CHECK(codes(r) == Codes{code});
        CHECK(english(host_faults(r, {})[0]).find("since 2026-01-02T03:04:05Z") != std::string::npos);
    }
    HostDnsReport unreadable = taken_over(TakeoverState::kOff);
    unreadable.problem = "written by user 1000";
    CHECK(codes(unreadable) == Codes{"PN-RESOLV-JOURNAL"});
}

TEST_CASE("reported: a line of /etc/hosts is judged by the addresses of its link", "[reported]") {
    auto link = test::link({test::address("10.0.1.23", "", probe::State::kUp, probe::State::kUp)});
    HostDnsReport r;
    const auto code = [&](const char* text, bool reversed) {
        r.hosts = {{3, link.host, text, reversed}};
        return host_faults(r, {link})[0].code;
    };
    CHECK(code("10.0.1.23 gw-private.cloud.example.com", false) == "PN-HOSTS-FROZEN");
    CHECK(code("10.9.9.9 gw-private.cloud.example.com", false) == "PN-HOSTS-SHADOW");
    CHECK(code("gw-private.cloud.example.com 10.0.1.23", true) == "PN-HOSTS-REVERSED");
    CHECK(english(host_faults(r, {link})[0]).starts_with("/etc/hosts:3: "));
}

TEST_CASE("reported: what of the configuration is not in use", "[reported]") {
    using Kind = ConfigTrouble::Kind;
    CHECK_FALSE(config_fault({}, "f"));
    CHECK(english(*config_fault({Kind::kNotReloaded, "f:1: dns.ttl: not a duration", 1}, "f")) ==
          "the configuration was not reloaded: f:1: dns.ttl: not a duration (and 1 more, see the log)");
    CHECK(english(*config_fault({Kind::kLastGood, "f:1: x", 0}, "f")) == "the last good configuration is used: f:1: x");
    const Fault restart = *config_fault({Kind::kRestart, "", 0}, "f");
    CHECK(restart.code == "PN-CONFIG-RESTART");
    CHECK(command_line(fix_command(restart)) == "systemctl restart postern");
    CHECK(english(remark_on({3, "dns.listen", "odd"}, "f")) == "f:3: dns.listen: odd");
    CHECK(english(doubt_about_discovery("zones.json: empty")) == "zones.json: empty");
}
