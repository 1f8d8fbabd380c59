// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/resolver_report.h"

#include "agent/steering/plan_compiler.h"
#include "core/file_system.h"

namespace postern::agent {
namespace {

/// "" or why names are not answered as they should be.
std::string problem_of(const ResolverSeen& seen, const ResolverStatus& r) {
    if (!r.running) {
        if (seen.child == nullptr) return "postern-resolver is not running: start postern-resolver.service";
        return seen.child->problem().empty() ? "postern-resolver is not running" : seen.child->problem();
    }
    if (!r.stats_valid) return "the resolver's statistics can't be read: " + r.stats_problem;
    if (seen.upstreams.servers.empty()) return "no resolver to forward other names to: set [dns] upstreams";
    return "";
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
        r.stats_problem = stats.error().text();
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
    r.problem = problem_of(seen, r);
}

}  // namespace postern::agent
