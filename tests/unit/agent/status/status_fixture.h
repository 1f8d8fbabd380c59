// SPDX-License-Identifier: Apache-2.0
// Snapshots for the tests of the views.
#pragma once

#include <string>

#include "agent/status/status.h"

namespace postern::test {

inline agent::AddressStatus address(const char* ip, const char* zone, probe::State path, probe::State service,
                                    probe::Reason reason = probe::Reason::kNone,
                                    probe::Phase phase = probe::Phase::kCount) {
    agent::AddressStatus a;
    a.ip = *core::IpAddress::parse(ip);
    a.zone = zone;
    a.verdict = {path, service};
    a.state = a.verdict.overall();
    a.answered = path != probe::State::kDown;
    a.since_wall_us = 1767323045LL * core::kSecond - core::kHour;
    probe::ProbeResult r;
    r.ip = a.ip;
    r.zone = zone;
    r.started_wall_us = 1767323045LL * core::kSecond - 2 * core::kSecond;
    r.ok = reason == probe::Reason::kNone;
    r.reason = reason;
    r.phase = phase;
    for (std::size_t i = 0; i < probe::kTimedPhases && (r.ok || i <= static_cast<std::size_t>(phase)); ++i) {
        r.phase_us[i] = 1000;
        r.total_us += 1000;
    }
    if (r.ok) {
        r.http_status = 200;
        r.sql_code = 0;
        r.certificate.present = true;
        r.certificate.not_after_us = r.certificate.chain_not_after_us = r.started_wall_us + 90 * core::kDay;
        a.streak = 10;
    } else {
        a.streak = -3;
    }
    a.last = r;
    return a;
}

inline agent::LinkStatus link(std::vector<agent::AddressStatus> addresses) {
    agent::LinkStatus l;
    l.name = "tdengine-prod";
    l.host = "gw-private.cloud.example.com";
    l.token_configured = true;
    l.first_sweep_done = true;
    l.addresses = std::move(addresses);
    for (const auto& a : l.addresses) {
        if (a.answered) l.answer.push_back(a.ip);
        l.discovery.addresses.push_back({a.ip, a.zone, a.endpoint});
    }
    l.discovery.known = true;
    l.discovery.source = "api";
    l.discovery.confirmed_wall_us = 1767323045LL * core::kSecond - 14 * core::kSecond;
    return l;
}

inline agent::StatusSnapshot snapshot(std::vector<agent::LinkStatus> links) {
    agent::StatusSnapshot s;
    s.now_wall_us = 1767323045LL * core::kSecond;  // 2026-01-02T03:04:05Z
    s.started_wall_us = s.config_loaded_wall_us = s.now_wall_us - 3 * core::kHour;
    s.version = "0.1.0";
    s.config_path = "/etc/postern/postern.toml";
    s.region = "cn-hangzhou";
    s.host_zone = "cn-hangzhou-h";
    s.links = std::move(links);
    auto& r = s.resolver;
    r.running = r.managed = r.stats_valid = r.accepted = true;
    r.pid = 4321;
    r.published_generation = r.stats.plan_accepted_generation = (5ull << 32) + 12;
    r.stats.started_wall_us = s.started_wall_us;
    r.stats.queries[0][0][0] = 300;
    r.stats.queries[3][0][0] = 934;
    r.stats.queries[3][3][1] = 2;
    r.listen = {*core::SocketAddress::parse("127.0.0.153:53", 53)};
    agent::UpstreamStatus u{*core::SocketAddress::parse("100.100.2.136", 53), {}};
    u.stats.srtt_us = 412;
    u.stats.sent = u.stats.answered = 936;
    r.upstreams = {u};
    r.upstream_source = "/etc/resolv.conf";
    s.discovery.requests[{"ListVpcEndpointZones", "ok"}] = 42;
    s.discovery.last_success_wall_us = s.now_wall_us - 14 * core::kSecond;
    return s;
}

/// Twelve connections of user 1001 to 10.0.2.9, and three to the public gateway.
inline agent::ConnectionReport connections_report(core::Micros looked_wall_us) {
    const auto seen = [](const char* ip, bool bypass, std::uint32_t total, std::uint32_t stuck) {
        agent::TargetConnections out{{"tdengine-prod", {*core::IpAddress::parse(ip), 443}, bypass}, {}, {}, 0, {}};
        out.all.states[static_cast<std::size_t>(agent::TcpState::kEstablished)] = total;
        out.all.stuck = out.all.timing_out = stuck;
        out.all.stuck_for_us = stuck > 0 ? 41 * core::kSecond : 0;
        out.all.unacked_bytes = 100 * stuck;
        if (total > 0) out.users = {{1001, out.all}};
        out.histograms.rtt[0] = 4;
        out.histograms.rtt[2] = 1;
        out.histograms.timeouts[0] = 5;
        return out;
    };
    agent::ConnectionReport report;
    report.looked_wall_us = looked_wall_us;
    report.complete = true;
    report.looks = 3;
    report.cpu_us = report.took_us = 500;
    report.cpu_sum_us = 1500;
    report.targets = {seen("10.0.1.23", false, 0, 0), seen("10.0.2.9", false, 12, 9), seen("203.0.113.9", true, 3, 0)};
    return report;
}

}  // namespace postern::test
