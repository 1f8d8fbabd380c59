// SPDX-License-Identifier: Apache-2.0
// What the reports of many hosts tell together.
#include "agent/fleet/fleet_view.h"
#include "agent/faults/catalogue.h"
#include "agent/faults/fault_text.h"
#include "tests/unit/agent/fleet/report_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using probe::State;

namespace {

FleetView view_of(std::vector<HostReport> reports) {
    return judge_fleet(reports_of(std::move(reports)), kNow);
}
std::string told_of(const FleetView& view, std::size_t at = 0) {
    REQUIRE(view.findings.size() > at);
    return doctor::told(view.findings[at], doctor::Catalogue::in(doctor::Language::kEnglish));
}
void down_since(HostReport& report, Micros wall_us) {
    for (auto& a : report.links[0].addresses) {
        if (a.state == State::kDown) a.since_wall_us = wall_us;
    }
}

}  // namespace

TEST_CASE("fleet view: nothing is down, nothing is found", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 3, kZoneH);
    add_hosts(hosts, 2, kZoneI);
    const FleetView v = view_of(hosts);
    CHECK(v.findings.empty());
    CHECK(v.fresh.size() == 5);
    REQUIRE(v.addresses.size() == 2);
    CHECK(v.addresses[0].by_zone.at(kZoneH) == Tally{3, 0, 0, 0});
    CHECK(v.versions.at("1.0.0") == 5);
    CHECK(v.groups.size() == 2);
}

TEST_CASE("fleet view: down for all hosts", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 3, kZoneH, State::kDown);
    add_hosts(hosts, 2, kZoneI, State::kDown);
    const FleetView v = view_of(hosts);
    CHECK(codes_of(v) == "PN-FLEET-DOWN-ALL");
    CHECK(told_of(v) == "10.0.1.23 (cn-hangzhou-h) is down for all 5 hosts, of cn-hangzhou-h, cn-hangzhou-i");
}

TEST_CASE("fleet view: down for all, and all are in one zone", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 3, kZoneH, State::kDown);
    const FleetView v = view_of(hosts);
    CHECK(codes_of(v) == "PN-FLEET-DOWN-ALL");
    CHECK(told_of(v).find("whether hosts of other zones reach it can't be told") != std::string::npos);
}

TEST_CASE("fleet view: down for all hosts of one zone", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 3, kZoneH);
    add_hosts(hosts, 2, kZoneI, State::kDown);
    const FleetView v = view_of(hosts);
    CHECK(codes_of(v) == "PN-FLEET-DOWN-ZONE");
    CHECK(told_of(v) ==
          "10.0.1.23 (cn-hangzhou-h) is down for all 2 hosts of cn-hangzhou-i, and 3 other hosts reach it");
}

TEST_CASE("fleet view: down for one host alone", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 3, kZoneH);
    add_hosts(hosts, 1, kZoneH, State::kDown);
    add_hosts(hosts, 2, kZoneI);
    const FleetView v = view_of(hosts);
    CHECK(codes_of(v) == "PN-FLEET-DOWN-HOST");
    CHECK(told_of(v) == "10.0.1.23 (cn-hangzhou-h) is down for h-3 alone, and 5 other hosts reach it");
}

TEST_CASE("fleet view: too few hosts to tell", "[fleet_view]") {
    std::vector<HostReport> alone;
    add_hosts(alone, 1, kZoneH, State::kDown);
    CHECK(codes_of(view_of(alone)) == "PN-FLEET-DOWN-FEW");
    std::vector<HostReport> two;
    add_hosts(two, 1, kZoneH, State::kDown);
    add_hosts(two, 1, kZoneH);
    CHECK(codes_of(view_of(two)) == "PN-FLEET-DOWN-FEW");
    // The only host of its zone: it may be the zone.
    std::vector<HostReport> only;
    add_hosts(only, 4, kZoneH);
    add_hosts(only, 1, kZoneI, State::kDown);
    CHECK(codes_of(view_of(only)) == "PN-FLEET-DOWN-FEW");
    // All of a zone, and one host elsewhere.
    std::vector<HostReport> elsewhere;
    add_hosts(elsewhere, 3, kZoneI, State::kDown);
    add_hosts(elsewhere, 1, kZoneH);
    CHECK(codes_of(view_of(elsewhere)) == "PN-FLEET-DOWN-FEW");
}

TEST_CASE("fleet view: some of several zones", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 3, kZoneH);
    add_hosts(hosts, 2, kZoneH, State::kDown);
    add_hosts(hosts, 3, kZoneI);
    CHECK(codes_of(view_of(hosts)) == "PN-FLEET-DOWN-SOME");
    // A whole zone, and one host of another.
    add_hosts(hosts, 2, "cn-hangzhou-j", State::kDown);
    const FleetView v = view_of(hosts);
    CHECK(codes_of(v).find("PN-FLEET-DOWN-ZONE") != std::string::npos);
    CHECK(codes_of(v).find("PN-FLEET-DOWN-SOME") != std::string::npos);
}

TEST_CASE("fleet view: a host that does not know its zone is of none", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 3, kZoneH);
    hosts.push_back(report_of_host("x", "", State::kDown));
    hosts.push_back(report_of_host("y", "", State::kDown));
    CHECK(codes_of(view_of(hosts)) == "PN-FLEET-DOWN-SOME");
}

TEST_CASE("fleet view: every address of a name is down for all", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 2, kZoneH, State::kDown, State::kDown);
    add_hosts(hosts, 2, kZoneI, State::kDown, State::kDown);
    const FleetView v = view_of(hosts);
    CHECK(codes_of(v) == "PN-FLEET-NAME-DOWN");
    CHECK(v.findings[0].state == doctor::State::kFail);
}

TEST_CASE("fleet view: addresses of a zone of which the same is said are one finding", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 2, kZoneH, State::kDown);
    add_hosts(hosts, 2, kZoneI, State::kDown);
    for (auto& host : hosts) {
        ReportedLink second = host.links[0];
        second.name = "other";
        second.host = "other.example.com";
        second.addresses[0].ip = *core::IpAddress::parse("10.0.1.99");
        host.links.push_back(second);
    }
    const FleetView v = view_of(hosts);
    CHECK(codes_of(v) == "PN-FLEET-DOWN-ALL");
    CHECK(told_of(v).find("10.0.1.23 (cn-hangzhou-h), 10.0.1.99 (cn-hangzhou-h) is down for all 4 hosts") == 0);
}

TEST_CASE("fleet view: what changed just now is not yet known of all", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 3, kZoneH);
    add_hosts(hosts, 1, kZoneH, State::kDown);
    down_since(hosts.back(), kNow - 20 * core::kSecond);
    FleetView v = view_of(hosts);
    CHECK(codes_of(v) == "PN-FLEET-DOWN-LATE");
    CHECK(v.findings[0].state == doctor::State::kSkip);
    down_since(hosts.back(), kNow - 3 * core::kMinute);
    CHECK(codes_of(view_of(hosts)) == "PN-FLEET-DOWN-HOST");
    // A clock that is ahead does not make it news for ever.
    down_since(hosts.back(), kNow + 10 * core::kMinute);
    CHECK(codes_of(judge_fleet(reports_of(hosts), kNow)) == "PN-FLEET-DOWN-LATE");
    // All at once: nobody is left who could say otherwise.
    std::vector<HostReport> all;
    add_hosts(all, 3, kZoneH, State::kDown);
    add_hosts(all, 3, kZoneI, State::kDown);
    for (auto& host : all)
        down_since(host, kNow - core::kSecond);
    CHECK(codes_of(view_of(all)) == "PN-FLEET-DOWN-ALL");
}

TEST_CASE("fleet view: a silent host counts neither as good nor as bad", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 3, kZoneH, State::kDown);
    add_hosts(hosts, 1, kZoneI);
    hosts.back().written_wall_us = kNow - 11 * core::kMinute;
    add_hosts(hosts, 1, kZoneI, State::kDown);
    hosts.back().written_wall_us = kNow - core::kHour;
    const FleetView v = view_of(hosts);
    CHECK(codes_of(v) == "PN-FLEET-DOWN-ALL PN-FLEET-STALE");
    CHECK(v.addresses[0].all == Tally{0, 0, 3, 0});
    REQUIRE(v.stale.size() == 2);
    CHECK(v.stale[0]->host == "i-4");  // the longest silent first
    CHECK(told_of(v, 1).find("2 hosts have not reported for longer than twice their interval: i-4, i-3") == 0);
    // Ten minutes is not late yet.
    hosts[3].written_wall_us = kNow - 10 * core::kMinute;
    CHECK(view_of(hosts).stale.size() == 1);
}

TEST_CASE("fleet view: unknown is neither up nor down", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 2, kZoneH, State::kDown);
    add_hosts(hosts, 2, kZoneI, State::kUnknown);
    const FleetView v = view_of(hosts);
    CHECK(codes_of(v) == "PN-FLEET-DOWN-ALL");
    CHECK(v.addresses[0].all == Tally{0, 0, 2, 2});
    std::vector<HostReport> none;
    add_hosts(none, 3, kZoneI, State::kUnknown);
    CHECK(view_of(none).findings.empty());
}

TEST_CASE("fleet view: what is refused and unread is said", "[fleet_view]") {
    FleetReports r = *reports_of({});
    r.refused = {{"a.json", ReportProblem::kForm}, {"b.json", ReportProblem::kForm}, {"c.json", ReportProblem::kFleet}};
    r.unread = 4;
    r.problem = core::Error{core::Code::kTimeout, "slow", "wait", 0};
    const FleetView v = judge_fleet(std::make_shared<const FleetReports>(r), kNow);
    CHECK(codes_of(v) == "PN-FLEET-REFUSED PN-FLEET-REFUSED PN-FLEET-PARTIAL");
    CHECK(told_of(v, 0) == "2 reports are not used, as they are not complete reports: a.json, b.json");
    CHECK(told_of(v, 2).find("slow") != std::string::npos);
}

TEST_CASE("fleet view: hosts are folded by zone and verdict, trouble first", "[fleet_view]") {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 500, kZoneH);
    add_hosts(hosts, 2, kZoneI, State::kDown);
    add_hosts(hosts, 498, kZoneI);
    const FleetView v = view_of(hosts);
    REQUIRE(v.groups.size() == 3);
    CHECK(v.groups[0].overall == "degraded");
    CHECK(v.groups[0].hosts.size() == 2);
    CHECK(v.groups[0].not_up == std::vector<std::pair<core::IpAddress, State>>{{kInH, State::kDown}});
    CHECK(v.groups[0].worst == "PN-TCP-TIMEOUT");
    CHECK(v.groups[1].hosts.size() == 500);
}

TEST_CASE("fleet view: every finding has its words in both languages", "[fleet_view]") {
    for (const auto language : {doctor::Language::kEnglish, doctor::Language::kChinese}) {
        const auto& words = doctor::Catalogue::in(language);
        std::vector<std::vector<HostReport>> fleets(4);
        add_hosts(fleets[0], 2, kZoneH, State::kDown, State::kDown);
        add_hosts(fleets[1], 3, kZoneH);
        add_hosts(fleets[1], 2, kZoneI, State::kDown);
        add_hosts(fleets[2], 1, kZoneH, State::kDown);
        add_hosts(fleets[3], 3, kZoneH);
        add_hosts(fleets[3], 1, kZoneH, State::kDown);
        for (const auto& fleet : fleets) {
            for (const auto& fault : view_of(fleet).findings) {
                CHECK(doctor::told(fault, words).find('{') == std::string::npos);
                CHECK_FALSE(doctor::told(fault, words).empty());
                CHECK(doctor::fix_of(fault, words).find('{') == std::string::npos);
            }
        }
    }
}
