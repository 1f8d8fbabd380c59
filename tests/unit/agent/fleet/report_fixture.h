// SPDX-License-Identifier: Apache-2.0
// Reports of hosts, and what a reading of them gives.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/fleet/fleet_view.h"
#include "tests/unit/agent/fleet/fleet_fixture.h"

namespace postern::test {

inline const core::IpAddress kInH = *core::IpAddress::parse("10.0.1.23"), kInI = *core::IpAddress::parse("10.0.2.23");
inline constexpr const char* kZoneH = "cn-hangzhou-h";
inline constexpr const char* kZoneI = "cn-hangzhou-i";

/// A host that sees one name with an address in each of two zones; down since ten minutes where it is.
inline HostReport report_of_host(const std::string& host, const std::string& zone, probe::State h = probe::State::kUp,
                                 probe::State i = probe::State::kUp) {
    HostReport out;
    out.fleet = "prod";
    out.host = host;
    out.instance = "i-" + host;
    out.zone = zone;
    out.version = "1.0.0";
    out.written_wall_us = kNow - core::kMinute;
    out.overall = h == probe::State::kUp && i == probe::State::kUp ? "good" : "degraded";
    out.takeover = "on";
    out.asks = "yes";
    ReportedLink link{.name = "db", .host = "gw.example.com", .state = probe::State::kUp};
    for (const auto& [ip, at, state] : {std::tuple{kInH, kZoneH, h}, std::tuple{kInI, kZoneI, i}}) {
        const bool down = state == probe::State::kDown;
        link.addresses.push_back({ip, at, state, kNow - 10 * core::kMinute, down ? "PN-TCP-TIMEOUT" : ""});
        if (down) out.worst = "PN-TCP-TIMEOUT";
    }
    out.links.push_back(std::move(link));
    return out;
}

inline std::shared_ptr<const FleetReports> reports_of(std::vector<HostReport> reports) {
    FleetReports out;
    out.place = "oss://bucket/prod/reports/";
    out.fleet = "prod";
    out.read_wall_us = kNow;
    out.reports = std::move(reports);
    return std::make_shared<const FleetReports>(std::move(out));
}

/// `count` hosts of a zone that see the same.
inline void add_hosts(std::vector<HostReport>& to, std::size_t count, const std::string& zone,
                      probe::State h = probe::State::kUp, probe::State i = probe::State::kUp) {
    for (std::size_t n = 0; n < count; ++n)
        to.push_back(report_of_host(zone.substr(zone.size() - 1) + "-" + std::to_string(to.size()), zone, h, i));
}

inline std::string codes_of(const FleetView& view) {
    std::string out;
    for (const auto& fault : view.findings)
        out += (out.empty() ? "" : " ") + fault.code;
    return out;
}

}  // namespace postern::test
