// SPDX-License-Identifier: Apache-2.0
// The screen and the JSON of a fleet.
#include "agent/serving/fleet_text.h"

#include <nlohmann/json.hpp>

#include "agent/serving/fleet_json.h"
#include "tests/unit/agent/fleet/report_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using probe::State;

namespace {

FleetView fleet() {
    std::vector<HostReport> hosts;
    add_hosts(hosts, 500, kZoneH);
    add_hosts(hosts, 497, kZoneI, State::kDown);
    add_hosts(hosts, 3, kZoneI, State::kDown);
    hosts.back().written_wall_us = kNow - core::kHour;
    FleetReports r = *reports_of(hosts);
    r.refused = {{"x.json", ReportProblem::kForm}};
    return judge_fleet(std::make_shared<const FleetReports>(std::move(r)), kNow);
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("fleet text: a thousand hosts on one screen", "[fleet_text]") {
    const std::string text = fleet_text(fleet(), false, 0);
    CHECK(std::count(text.begin(), text.end(), '\n') < 30);
    CHECK(has(text, "DEGRADED   Fleet prod: 499 of 999 hosts are not well"));
    CHECK(has(text,
              "10.0.1.23 (cn-hangzhou-h) is down for all 499 hosts of cn-hangzhou-i, and 500 other hosts reach it"));
    CHECK(has(text, "999 report in time, 1 don't: i-999 (60 min), 1 reports are not used"));
    CHECK(has(text, "Versions   1.0.0 (999)"));
    CHECK(has(text, "Hosts in cn-hangzhou-i: 499 down"));
    CHECK(has(text, "and 496 more"));
    CHECK(has(text, "PN-TCP-TIMEOUT"));
}

TEST_CASE("fleet text: Chinese, narrow and empty", "[fleet_text]") {
    const std::string zh = fleet_text(fleet(), false, 0, doctor::Language::kChinese);
    CHECK(has(zh, "主机群 prod"));
    CHECK(has(zh, "对 cn-hangzhou-i 的全部 499 台主机均不可达"));
    CHECK_FALSE(has(zh, "hosts"));
    CHECK_FALSE(has(zh, "{"));
    for (const std::size_t columns : {40u, 80u}) {
        const std::string narrow = fleet_text(fleet(), false, columns);
        CHECK_FALSE(narrow.empty());
    }
    const std::string none = fleet_text(judge_fleet(reports_of({}), kNow), false, 80);
    CHECK(has(none, "UNKNOWN"));
    CHECK(has(none, "no host reports in time"));
}

TEST_CASE("fleet json: counts, findings, addresses, hosts", "[fleet_json]") {
    const auto json = nlohmann::json::parse(fleet_json(fleet(), core::Error{core::Code::kTimeout, "slow", "wait", 0}));
    CHECK(json["schema_version"] == 1);
    CHECK(json["overall"] == "degraded");
    CHECK(json["counts"]["fresh"] == 999);
    CHECK(json["counts"]["stale"] == 1);
    CHECK(json["counts"]["refused"] == 1);
    CHECK(json["error"]["code"] == "timeout");
    CHECK(json["findings"][0]["code"] == "PN-FLEET-DOWN-ZONE");
    CHECK(json["findings"][0]["owner"] == "cloud_admin");
    CHECK_FALSE(json["findings"][0]["texts"]["zh"]["cause"].get<std::string>().empty());
    CHECK(json["addresses"][0]["by_zone"]["cn-hangzhou-i"]["down"] == 499);
    CHECK(json["hosts"].size() == 1000);
    CHECK(json["hosts"].back()["stale"] == true);
    CHECK(json["hosts"].back()["overall"] == "unknown");
    CHECK(json["refused"][0]["reason"] == "form");
}
