// SPDX-License-Identifier: Apache-2.0
#include "agent/status/fleet_state.h"

#include <algorithm>

#include "agent/faults/codes.h"

namespace postern::agent {
namespace {

ReportedAddress reported(const LinkStatus& link, const AddressStatus& a) {
    ReportedAddress out{.ip = a.ip, .zone = a.zone, .state = judged_state(link, a), .since_wall_us = a.since_wall_us};
    const bool bad = out.state == probe::State::kDown || out.state == probe::State::kDegraded;
    if (bad && a.last && !a.last->ok && a.last->reason != probe::Reason::kNone)
        out.code = doctor::code_of(a.last->reason).code;
    return out;
}

}  // namespace

HostReport report_of(const StatusSnapshot& s) {
    HostReport out;
    out.host = s.host_name;
    out.instance = s.instance;
    out.zone = s.host_zone;
    out.version = s.version;
    out.overall = to_string(s.overall);
    out.takeover = to_string(s.host_dns.journal.state);
    out.asks = to_string(s.host_dns.asks.state);
    if (s.list.list) {
        out.list_generation = s.list.list->number.generation;
        out.list_age_us = s.list.list->age(s.now_wall_us);
    }
    if (!s.faults.empty()) out.worst = s.faults.front().code;
    for (const auto& link : s.links) {
        ReportedLink to{
            .name = link.name, .host = link.host, .state = link.probing ? link.state : probe::State::kUnknown};
        for (const auto& a : link.addresses)
            to.addresses.push_back(link.probing ? reported(link, a) : ReportedAddress{.ip = a.ip, .zone = a.zone});
        out.links.push_back(std::move(to));
    }
    return out;
}

Overall overall_of(const FleetView& view) {
    if (view.fresh.empty()) return Overall::kUnknown;
    Overall out = Overall::kGood;
    for (const auto& fault : view.findings) {
        if (fault.state == doctor::State::kFail) out = worse(out, Overall::kFailed);
        if (fault.state == doctor::State::kWarn) out = worse(out, Overall::kDegraded);
        if (fault.state == doctor::State::kSkip) out = worse(out, Overall::kUnknown);
    }
    for (const HostReport* host : view.fresh) {
        if (host->overall == "unknown") out = worse(out, Overall::kUnknown);
        if (host->overall == "degraded" || host->overall == "failed") out = worse(out, Overall::kDegraded);
    }
    return out;
}

}  // namespace postern::agent
