// SPDX-License-Identifier: Apache-2.0
#include "agent/status/one_zone.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/text.h"

namespace postern::agent {

namespace {

std::string plain(const std::string& name) {
    std::string out = core::lowered(name);
    if (out.ends_with('.')) out.pop_back();
    return out;
}

std::vector<core::IpAddress> ips_of(const EndpointSet& set) {
    std::vector<core::IpAddress> out;
    for (const auto& a : set)
        out.push_back(a.ip);
    return out;
}

}  // namespace

std::optional<OneZone> one_zone(const FollowedName& followed, const std::vector<core::IpAddress>& in_use,
                                const EndpointReport& endpoint) {
    const auto names = [&](const std::string& domain) {
        const std::string name = plain(domain);
        return !name.empty() && (name == plain(followed.name) || name == plain(followed.leads_to));
    };
    if (!endpoint.domain.empty() && !names(endpoint.domain)) return std::nullopt;
    std::map<core::IpAddress, std::string> zone_of;
    std::set<std::string> zones, used;
    OneZone out{followed.name, endpoint.endpoint_id, "", "", "", endpoint.zone_affinity};
    bool every_domain = true;
    for (const ZoneReport& zone : endpoint.zones) {
        if (names(zone.domain)) return std::nullopt;  // one zone is what was asked for
        if (zone.zone_id.empty() || zone.status != "Connected" || (!zone.ipv4 && !zone.ipv6)) continue;
        for (const auto& ip : {zone.ipv4, zone.ipv6}) {
            if (ip) zone_of.emplace(*ip, zone.zone_id);
        }
        if (!zones.insert(zone.zone_id).second) continue;
        every_domain = every_domain && !zone.domain.empty();
        core::add_item(out.domains, zone.domain);
    }
    if (!every_domain) out.domains.clear();
    // A zones file lacks the endpoint's domain: it is known from the zones' that the name is none of them.
    if (endpoint.domain.empty() && !every_domain) return std::nullopt;
    for (const auto& ip : followed.gave) {
        const auto zone = zone_of.find(ip);
        if (zone == zone_of.end()) return std::nullopt;  // the report is about other addresses
        if (!out.zone.empty() && out.zone != zone->second) return std::nullopt;
        out.zone = zone->second;
    }
    if (out.zone.empty()) return std::nullopt;
    for (const auto& ip : in_use) {
        if (const auto zone = zone_of.find(ip); zone != zone_of.end()) used.insert(zone->second);
    }
    for (const auto& zone : zones) {
        if (used.count(zone) == 0) core::add_item(out.others, zone);
    }
    if (out.others.empty()) return std::nullopt;
    return out;
}

std::optional<OneZone> one_zone(const DiscoveryStatus& link, const std::vector<EndpointReport>& known) {
    const auto in_use = ips_of(link.addresses);
    for (const SourceStatus& source : link.sources) {
        if (source.target.empty()) continue;
        FollowedName followed{source.target, "", ips_of(source.addresses)};
        for (const auto& own : link.reports) {
            if (own.endpoint_id == followed.name) followed.leads_to = own.domain;
        }
        for (const auto& endpoint : known) {
            if (auto found = one_zone(followed, in_use, endpoint)) return found;
        }
    }
    return std::nullopt;
}

Fault fault_of(const OneZone& f, const std::string& link) {
    const std::string_view word = !f.affinity ? "unknown" : *f.affinity ? "on" : "off";
    return make_fault("PN-ENDPOINT-AFFINITY", link, {},
                      {{"name", f.name},
                       {"endpoint", f.endpoint},
                       {"zone", f.zone},
                       {"others", f.others},
                       {"domains", f.domains.empty() ? "postern endpoint show " + f.endpoint : f.domains},
                       {"listed", f.domains.empty() ? "" : doctor::catalogued("words", "listed")},
                       {"why", doctor::catalogued("affinity_why", word)},
                       {"affinity", doctor::catalogued("affinity", word)}});
}

}  // namespace postern::agent
