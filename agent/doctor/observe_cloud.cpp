#include <set>

#include "agent/commands/cloud_session.h"
#include "agent/doctor/observe.h"

namespace postern::agent::doctor {

namespace {

/// Those that the configuration names; of a search those that were found.
std::vector<std::string> endpoints_of(const LinkConfig& link, const std::vector<probe::ProbeTarget>& targets) {
    if (!link.find.configured()) return link.endpoints;
    std::set<std::string> found;
    for (const auto& t : targets) {
        if (t.link == link.name && !t.endpoint.empty()) found.insert(t.endpoint);
    }
    return {found.begin(), found.end()};
}

}  // namespace

CloudSeen look_at_cloud(const Config& config, const std::vector<probe::ProbeTarget>& targets) {
    CloudSeen seen;
    CloudSession session(config, "");
    EndpointCloud cloud(session);
    bool any = false;
    for (const LinkConfig& link : config.links) any = any || !link.endpoints.empty() || link.find.configured();
    if (!any) return seen;
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
    seen.clock_offset_us = session.clock_offset_us();
    seen.region = session.region().empty() ? config.aliyun.region : session.region();
    return seen;
}

}  // namespace postern::agent::doctor
