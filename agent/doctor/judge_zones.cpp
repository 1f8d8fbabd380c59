// SPDX-License-Identifier: Apache-2.0
// Followed names that lead to one zone of several.
#include <algorithm>

#include "agent/doctor/judge.h"

namespace postern::agent::doctor {

namespace {

std::vector<EndpointReport> reports_in(const CloudSeen& cloud) {
    std::vector<EndpointReport> out = cloud.followed;
    for (const EndpointSeen& seen : cloud.endpoints) {
        if (seen.info) out.push_back(seen.info->report);
    }
    return out;
}

std::optional<OneZone> seen_in_cloud(const LinkConfig& link, const std::vector<probe::ProbeTarget>& targets,
                                     const std::vector<EndpointReport>& reports) {
    std::vector<core::IpAddress> in_use;
    for (const auto& t : targets) {
        if (t.link == link.name) in_use.push_back(t.ip);
    }
    for (const auto& name : link.targets) {
        FollowedName followed{name, "", {}};
        for (const auto& t : targets) {
            if (t.link == link.name && t.endpoint == name) followed.gave.push_back(t.ip);
        }
        for (const auto& report : reports) {
            if (auto found = one_zone(followed, in_use, report)) return found;
        }
    }
    return std::nullopt;
}

}  // namespace

Findings judge_zones(const Config& config, const std::vector<probe::ProbeTarget>& targets, const CloudSeen& cloud,
                     const AgentSeen& agent) {
    Findings out;
    const auto reports = reports_in(cloud);
    for (const LinkConfig& link : config.links) {
        if (link.targets.empty()) continue;
        std::optional<OneZone> zone = seen_in_cloud(link, targets, reports);
        for (const auto& [name, told] : agent.one_zone) {
            if (!zone && name == link.name) zone = told;
        }
        if (!zone) continue;
        for (const auto& report : reports) {
            if (report.endpoint_id == zone->endpoint && report.zone_affinity) zone->affinity = report.zone_affinity;
        }
        out.push_back(found("PN-ENDPOINT-AFFINITY", link.name, {}, fault_of(*zone, link.name).values));
    }
    return out;
}

}  // namespace postern::agent::doctor
