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

TEST_CASE("reported: upstreams are a fault when none of them resolves names", "[reported]") {
    using enum UpstreamState;
    const auto server = [](const char* ip, UpstreamState state) {
        return UpstreamSeen{{*core::IpAddress::parse(ip), 53}, state, core::IpAddress::parse("192.0.2.1")};
    };
    const auto code = [&](UpstreamState first, UpstreamState second) {
        const auto fault = upstream_fault({server("100.100.2.136", first), server("100.100.2.138", second)});
        return fault ? fault->code : "-";
    };
    CHECK_FALSE(upstream_fault({}));
    CHECK(code(kWorks, kSilent) == "-");
    CHECK(code(kUnknown, kSilent) == "-");
    CHECK(code(kSilent, kSilent) == "PN-UPSTREAM-SILENT");
    CHECK(code(kSilent, kRefused) == "PN-UPSTREAM-REFUSED");
    CHECK(code(kServfail, kRefused) == "PN-UPSTREAM-SERVFAIL");
    CHECK(code(kNoNames, kNoNames) == "PN-UPSTREAM-NXDOMAIN");
    const Fault portal = *upstream_fault({server("100.100.2.136", kOneAddress)});
    CHECK(portal.code == "PN-UPSTREAM-ONE-ADDRESS");
    CHECK(portal.state == doctor::State::kFail);
    CHECK(english(portal) ==
          "the upstreams answer every name with 192.0.2.1 (100.100.2.136): a captive portal, or a DNS filter");
}

TEST_CASE("reported: a host that asks others is told where postern answers a name, and degrades nothing",
          "[reported]") {
    auto link = test::link({test::address("10.0.1.23", "", probe::State::kUp, probe::State::kUp)});
    HostDnsReport r = taken_over(TakeoverState::kOff);
    r.asks = {HostAsks::State::kNo, {*core::SocketAddress::parse("10.0.0.2:53", 53)}};
    REQUIRE(host_faults(r, {link}).size() == 1);
    const Fault fault = host_faults(r, {link})[0];
    CHECK(fault.code == "PN-RESOLV-UNASKED");
    CHECK(english(fault) == "this host does not ask postern: /etc/resolv.conf names 10.0.0.2");
    CHECK(command_line(fix_command(fault)) == "postern dns enable");
    auto s = test::snapshot({link});
    s.reported = {fault};
    judge(s);
    CHECK(s.overall == Overall::kGood);
    CHECK(s.faults.size() == 1);
    link.verify_only = true;
    CHECK(host_faults(r, {link}).empty());
    link.verify_only = false;
    r.asks.state = HostAsks::State::kUnknown;
    CHECK(host_faults(r, {link}).empty());
    r = taken_over(TakeoverState::kSuspended);  // which says why
    r.asks = {HostAsks::State::kNo, {}};
    CHECK(host_faults(r, {link})[0].code == "PN-RESOLV-SUSPENDED");
    CHECK(host_faults(r, {link}).size() == 1);
}

TEST_CASE("reported: a CA file fails where nothing is kept, an older configuration names its reload", "[reported]") {
    const Fault lost = ca_file_fault("/etc/ca.pem", "can't read /etc/ca.pem: Permission denied", false, "/p.toml");
    CHECK(lost.state == doctor::State::kFail);
    CHECK(lost.code == "PN-CONFIG-CA");
    CHECK(english(lost) == "the CA file /etc/ca.pem can't be used: can't read /etc/ca.pem: Permission denied");
    const Fault kept = ca_file_fault("/etc/ca.pem", "x", true, "/p.toml");
    CHECK(kept.state == doctor::State::kWarn);
    CHECK(english(kept).ends_with("; what was loaded before is used"));
    const Fault older =
        config_older("/etc/postern/postern.toml", 1767323045LL * core::kSecond, 1767323105LL * core::kSecond);
    CHECK(english(older) ==
          "the agent runs an older configuration than /etc/postern/postern.toml: the file was changed at "
          "2026-01-02T03:05:05Z, the agent read it at 2026-01-02T03:04:05Z");
    CHECK(command_line(fix_command(older)) == "systemctl reload postern");
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

TEST_CASE("reported: the fleet's list", "[reported]") {
    const Micros now = 1767323045LL * core::kSecond;
    const auto codes_of = [&](const ListStatus& list) {
        std::vector<std::string> out;
        for (const Fault& f : list_faults(list, now)) {
            CHECK(f.state == doctor::State::kWarn);
            CHECK(english(f).find('{') == std::string::npos);
            out.push_back(f.code);
        }
        return out;
    };
    ListStatus list;
    list.unreachable = core::Error{core::Code::kTimeout, "no reply", "a hint", 0};
    CHECK(codes_of(list) == Codes{});  // not configured
    list.configured = true;
    list.place = "oss://fleet/current.json";
    list.fleet = "prod";
    CHECK(codes_of(list) == Codes{"PN-LIST-UNREACHABLE"});
    list.unreachable.reset();
    FleetList known;
    known.number = {7, now - core::kHour};
    known.not_after_wall_us = now + core::kDay;
    list.list = std::make_shared<FleetList>(known);
    CHECK(codes_of(list) == Codes{});
    for (const ListProblem problem :
         {ListProblem::kForm, ListProblem::kNewer, ListProblem::kSignature, ListProblem::kContent, ListProblem::kFleet,
          ListProblem::kFuture, ListProblem::kExpired, ListProblem::kOlder}) {
        list.refused = ListRefusal{problem, "detail"};
        CHECK(codes_of(list) == Codes{"PN-LIST-REFUSED"});
        const std::string text = english(list_faults(list, now).front());
        CHECK(text.find("is not used: ") != std::string::npos);
        CHECK_FALSE(text.ends_with(": "));
    }
    list.refused.reset();
    known.number.written_wall_us = now - 2 * core::kDay;
    list.list = std::make_shared<FleetList>(known);
    CHECK(codes_of(list) == Codes{"PN-LIST-OLD"});
    known.not_after_wall_us = now - core::kHour;
    list.list = std::make_shared<FleetList>(known);
    CHECK(english(list_faults(list, now).front()).find("it has expired") != std::string::npos);
}
