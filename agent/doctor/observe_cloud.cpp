// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "agent/account/session.h"
#include "agent/client/console.h"
#include "agent/config/probe_spec.h"
#include "agent/config/token_store.h"
#include "agent/doctor/judge.h"
#include "agent/doctor/observe.h"

namespace postern::agent::doctor {

namespace {

/// Those that the configuration names; for a search, those that were found.
std::vector<std::string> endpoints_of(const LinkConfig& link, const std::vector<probe::ProbeTarget>& targets) {
    if (!link.find.configured()) return link.endpoints;
    std::set<std::string> found;
    for (const auto& t : targets) {
        if (t.link == link.name && !t.endpoint.empty()) found.insert(t.endpoint);
    }
    return {found.begin(), found.end()};
}

constexpr std::size_t kMaxFollowed = 16;

/// The endpoints whose ID begins a name that a link follows: whether the name is their domain is judged later.
std::vector<EndpointReport> look_at_followed(EndpointCloud& cloud, const Config& config) {
    std::set<std::string> ids;
    for (const LinkConfig& link : config.links) {
        for (const auto& name : link.targets) {
            const std::string id = name.substr(0, name.find('.'));
            if (is_resource_id(id, "ep-") && ids.size() < kMaxFollowed) ids.insert(id);
        }
    }
    std::vector<EndpointReport> out;
    for (const auto& id : ids) {
        if (auto info = cloud.describe(id)) out.push_back(std::move(info->report));
    }
    return out;
}

}  // namespace

std::vector<probe::ProbeTarget> targets_in(const CloudSeen& cloud, const Config& config,
                                           const std::vector<probe::ProbeTarget>& known) {
    std::vector<probe::ProbeTarget> out;
    for (const LinkConfig& link : config.links) {
        if (std::any_of(known.begin(), known.end(), [&](const auto& t) { return t.link == link.name; })) continue;
        auto token = link.token.configured() ? read_token(link.token) : core::Secret();
        const auto spec =
            std::make_shared<probe::ProbeSpec>(probe_spec(link, token ? std::move(*token) : core::Secret()));
        for (const EndpointSeen& seen : cloud.endpoints) {
            if (seen.link != link.name || !seen.info || seen.info->report.connection_status != "Connected") continue;
            for (const ZoneReport& zone : seen.info->report.zones) {
                if (wants(link, zone.zone_id) && zone.status == "Connected" && zone.ipv4)
                    out.push_back({link.name, *zone.ipv4, zone.zone_id, seen.endpoint, spec});
            }
        }
    }
    return out;
}

CloudSeen look_at_cloud(const Config& config, const std::vector<probe::ProbeTarget>& targets) {
    CloudSeen seen;
    CloudSession session(config, "", upstreams_of(config), [] { return false; });
    EndpointCloud cloud(session);
    bool any = false;
    for (const LinkConfig& link : config.links)
        any = any || !link.endpoints.empty() || link.find.configured();
    if (!any || config.fleet.fleet_only) return seen;  // this host has nothing to do with the API
    seen.credentials = session.credentials();
    for (const LinkConfig& link : config.links) {
        for (const std::string& id : endpoints_of(link, targets)) {
            if (!seen.credentials) break;
            EndpointSeen endpoint{link.name, id, cloud.describe(id), {}};
            if (endpoint.info)
                endpoint.access = ask_access(session, cloud, endpoint.info->report, cloud.attached_groups(id), {});
            seen.endpoints.push_back(std::move(endpoint));
        }
    }
    if (seen.credentials) seen.followed = look_at_followed(cloud, config);
    seen.clock_offset_us = session.clock_offset_us();
    seen.region = session.region().empty() ? config.aliyun.region : session.region();
    return seen;
}

}  // namespace postern::agent::doctor
