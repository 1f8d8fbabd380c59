// `postern plan compile`: compiles a plan without the running agent, from the files on disk.
#include "agent/config/paths.h"
#include "agent/discovery/remembered.h"
#include "agent/hostdns/upstreams.h"
#include "agent/steering/plan_compiler.h"
#include "core/file_system.h"
#include "core/loop.h"

namespace postern::agent {

core::Result<core::Bytes> compile_offline(const Config& config) {
    const Paths paths = paths_of(config.agent);
    const Snapshot snapshot = load_remembered(paths, config).snapshot;
    const auto journal = JournalFile(paths.hostdns).load();
    const HostUpstreams host = host_upstreams(*HostSystem::real(), config.dns.listen, journal.value_or(Journal{}));
    PlanInput input;
    input.boot_id = core::boot_id();
    input.now_wall_us = core::now_wall_us();
    input.dns = config.dns;
    input.upstreams = config.dns.upstreams.empty() ? host.servers : config.dns.upstreams;
    input.upstream_budget_ms = host.timeout_s <= 2 ? 1800 : 4000;
    input.host_zone = snapshot.zone;
    // Newer than the existing plans: an upgrade replaces the running agent's plan with it.
    for (const auto& path : {paths.current_plan, paths.durable_plan}) {
        if (const auto plan = core::PlanView::load(path))
            input.generation = std::max(input.generation, plan->generation);
    }
    ++input.generation;
    for (const auto& link : config.links) {
        input.links.push_back({link.name, link.host, remembered_addresses(snapshot, link).addresses, {}, 0});
    }
    const auto plan = compile_plan(without_verdicts(std::move(input)));
    if (!plan) return core::fail(plan.error());
    return core::serialize(*plan);
}

}  // namespace postern::agent
