// SPDX-License-Identifier: Apache-2.0
#include "agent/status/incidents.h"

#include <algorithm>
#include <tuple>

namespace postern::agent {

namespace {

using probe::Incident;
using probe::Reason;

void join(LinkIncident& all, const core::IpAddress& ip, const Incident& one) {
    if (std::find(all.addresses.begin(), all.addresses.end(), ip) == all.addresses.end()) all.addresses.push_back(ip);
    all.seen.to_wall_us = std::max(all.seen.to_wall_us, one.to_wall_us);
    all.seen.failures += one.failures;
    all.seen.open |= one.open;
    for (const Reason reason : one.reasons) {
        auto& reasons = all.seen.reasons;
        if (reason == Reason::kNone || std::find(reasons.begin(), reasons.end(), reason) != reasons.end()) continue;
        const auto free = std::find(reasons.begin(), reasons.end(), Reason::kNone);
        if (free != reasons.end()) *free = reason;
    }
}

/// Of one link, by their beginning.
void add_link(const LinkStatus& link, const std::optional<core::IpAddress>& ip, std::vector<LinkIncident>& out) {
    struct Seen {
        Reason reason;
        const Incident* incident;
        const AddressStatus* address;
    };
    std::vector<Seen> all;
    for (const auto& a : link.addresses) {
        if (ip && *ip != a.ip) continue;
        for (const auto& incident : a.incidents)
            all.push_back({incident.reasons[0], &incident, &a});
    }
    std::stable_sort(all.begin(), all.end(), [](const Seen& a, const Seen& b) {
        return std::tuple(a.reason, a.incident->from_wall_us) < std::tuple(b.reason, b.incident->from_wall_us);
    });
    const Seen* first = nullptr;
    for (const Seen& seen : all) {
        const bool together = first != nullptr && first->reason == seen.reason &&
                              seen.incident->from_wall_us - first->incident->from_wall_us <= kTogether;
        if (!together) {
            first = &seen;
            out.push_back({link.name, {}, {seen.incident->from_wall_us, seen.incident->to_wall_us, 0, {}, false}});
        }
        join(out.back(), seen.address->ip, *seen.incident);
    }
}

}  // namespace

std::vector<LinkIncident> incidents_of(const StatusSnapshot& snapshot, const std::string& link,
                                       const std::optional<core::IpAddress>& ip) {
    std::vector<LinkIncident> out;
    for (const auto& one : snapshot.links) {
        if (link.empty() || one.name == link) add_link(one, ip, out);
    }
    std::stable_sort(out.begin(), out.end(), [](const LinkIncident& a, const LinkIncident& b) {
        return std::tuple(a.seen.open, a.seen.to_wall_us) > std::tuple(b.seen.open, b.seen.to_wall_us);
    });
    return out;
}

}  // namespace postern::agent
