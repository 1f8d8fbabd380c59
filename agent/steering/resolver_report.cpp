// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/resolver_report.h"

#include "agent/steering/plan_compiler.h"
#include "core/file_system.h"

namespace postern::agent {
namespace {

/// Why names are not answered as they should be.
std::optional<Fault> fault_of(const ResolverSeen& seen, const ResolverStatus& r) {
    using doctor::catalogued;
    if (!r.running) {
        const std::string problem = seen.child == nullptr           ? catalogued("resolver", "down_unit")
                                    : seen.child->problem().empty() ? catalogued("resolver", "down")
                                                                    : doctor::told_value(seen.child->problem());
        return make_fault("PN-AGENT-RESOLVER", {}, {}, {{"problem", problem}});
    }
    if (!r.stats_valid) return make_fault("PN-AGENT-STATS", {}, {}, {{"why", doctor::told_value(r.stats_problem)}});
    if (seen.upstreams.servers.empty()) return make_fault("PN-UPSTREAM-NONE");
    return std::nullopt;
}

}  // namespace

void report_resolver(const ResolverSeen& seen, StatusSnapshot& status) {
    ResolverStatus& r = status.resolver;
    r.managed = seen.child != nullptr;
    r.pid = core::LockFile::holder(seen.paths.resolver_lock);
    r.running = r.pid != 0;
    r.listen = seen.dns.listen;
    r.upstream_source = seen.upstreams.source;
    r.published_generation = seen.publisher.published_generation();
    if (seen.child != nullptr) r.restarts = seen.child->restarts();
    if (auto stats = core::read_stats(seen.paths.stats)) {
        r.stats = *stats;
        r.stats_valid = true;
        r.accepted = r.running && seen.publisher.up_to_date(stats->plan_accepted_generation);
    } else {
        r.stats_problem = stats.error().whole();
    }
    for (const auto& server : seen.upstreams.servers) {
        UpstreamStatus upstream{server, {}};
        for (const auto& slot : r.stats.upstreams) {
            if (r.stats_valid && slot.id == upstream_id(server)) upstream.stats = slot;
        }
        r.upstreams.push_back(upstream);
    }
    for (auto& link : status.links) {
        for (const auto& slot : r.stats.links) {
            if (r.stats_valid && slot.id == link_id(link.name)) link.answers = slot.answers;
        }
    }
    r.fault = fault_of(seen, r);
}

}  // namespace postern::agent
