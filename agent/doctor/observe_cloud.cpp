#include "agent/commands/cloud_session.h"
#include "agent/doctor/observe.h"

namespace postern::agent::doctor {

CloudSeen look_at_cloud(const Config& config) {
    CloudSeen seen;
    CloudSession session(config, "");
    EndpointCloud cloud(session);
    bool any = false;
    for (const LinkConfig& link : config.links) any = any || !link.endpoints.empty();
    if (!any) return seen;
    seen.credentials = session.credentials();
    for (const LinkConfig& link : config.links) {
        for (const std::string& id : link.endpoints) {
            if (!seen.credentials) break;
            EndpointSeen endpoint{link.name, id, cloud.describe(id), {}};
            if (endpoint.info)
                endpoint.access = ask_access(session, cloud, endpoint.info->report, cloud.attached_groups(id), {});
            seen.endpoints.push_back(std::move(endpoint));
        }
    }
    seen.region = session.region().empty() ? config.aliyun.region : session.region();
    return seen;
}

}  // namespace postern::agent::doctor
