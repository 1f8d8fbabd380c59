// SPDX-License-Identifier: Apache-2.0
#include "agent/status/fleet_state.h"
#include "tests/unit/agent/fleet/report_fixture.h"
#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using probe::State;

namespace {

FleetView view_of(std::vector<HostReport> reports) {
    return judge_fleet(reports_of(std::move(reports)), kNow);
}

}  // namespace

TEST_CASE("fleet state: a host reports how it sees each address, and no more", "[fleet_state]") {
    StatusSnapshot s;
    s.host_name = "web-1";
    s.instance = "i-web-1";
    s.host_zone = kZoneH;
    s.version = "1.0.0";
    s.overall = Overall::kDegraded;
    s.config_path = "/etc/postern/secret-place.toml";
    LinkStatus link;
    link.name = "db";
    link.host = "gw.example.com";
    link.token_configured = true;
    link.state = State::kUp;
    link.addresses = {address("10.0.1.23", kZoneH, State::kUp, State::kUp),
                      address("10.0.2.23", kZoneI, State::kDown, State::kUnknown, probe::Reason::kTcpTimeout,
                              probe::Phase::kConnect)};
    s.links = {link};
    s.faults = {make_fault("PN-TCP-TIMEOUT", "db", kInI.text())};
    HostReport report = report_of(s);
    CHECK(report.overall == "degraded");
    CHECK(report.worst == "PN-TCP-TIMEOUT");
    REQUIRE(report.links.size() == 1);
    REQUIRE(report.links[0].addresses.size() == 2);
    CHECK(report.links[0].addresses[1].state == State::kDown);
    CHECK(report.links[0].addresses[1].code == "PN-TCP-TIMEOUT");
    CHECK(report.links[0].addresses[0].code.empty());
    report.fleet = "prod";
    report.written_wall_us = kNow;
    const std::string text = format_report(report);
    CHECK(text.find("secret-place") == std::string::npos);
    CHECK(read_report(text, report_name(report), "prod", kNow));
    // What is not probed is not known.
    s.links[0].probing = false;
    CHECK(report_of(s).links[0].addresses[0].state == State::kUnknown);
}

TEST_CASE("fleet state: the verdict on a fleet", "[fleet_state]") {
    CHECK(overall_of(view_of({})) == Overall::kUnknown);
    std::vector<HostReport> hosts;
    add_hosts(hosts, 3, kZoneH);
    CHECK(overall_of(view_of(hosts)) == Overall::kGood);
    hosts[0].overall = "failed";
    CHECK(overall_of(view_of(hosts)) == Overall::kDegraded);
    hosts[0].overall = "good";
    hosts[0].written_wall_us = kNow - core::kHour;
    CHECK(overall_of(view_of(hosts)) == Overall::kDegraded);
    for (auto& host : hosts)
        host.written_wall_us = kNow - core::kHour;
    CHECK(overall_of(view_of(hosts)) == Overall::kUnknown);
    std::vector<HostReport> lost;
    add_hosts(lost, 2, kZoneH, State::kDown, State::kDown);
    CHECK(overall_of(view_of(lost)) == Overall::kFailed);
}
