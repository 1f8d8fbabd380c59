// SPDX-License-Identifier: Apache-2.0
// `postern plan compile`: compiles a plan without the running agent, from the files on disk.
#include <algorithm>

#include "agent/config/paths.h"
#include "agent/discovery/remembered.h"
#include "agent/hostdns/upstreams.h"
#include "agent/steering/plan_compiler.h"
#include "core/file_system.h"
#include "core/loop.h"

namespace postern::agent {

core::Result<core::Bytes> compile_offline(const Config& config, const HostSystem& host) {
    const Paths paths = paths_of(config.agent);
    const Snapshot snapshot = load_remembered(paths, config).snapshot;
    const HostUpstreams upstreams = find_upstreams(host, config);
    PlanInput input;
    input.boot_id = core::boot_id();
    input.now_wall_us = core::now_wall_us();
    input.dns = config.dns;
    input.upstreams = upstreams.servers;
    input.upstream_budget_ms = upstreams.budget_ms();
    input.client_patience_ms = upstreams.patience_ms();
    input.host_zone = snapshot.zone;
    // Newer than the existing plans: an upgrade replaces the running agent's plan with it.
    for (const auto& path : {paths.current_plan, paths.durable_plan}) {
        if (const auto plan = core::PlanView::load(path))
            input.generation = std::max(input.generation, plan->generation);
    }
    ++input.generation;
    for (const auto& link : config.links) {
        input.links.push_back(
            {link.name, link.host, remembered_addresses(snapshot, config, link).addresses, {}, 0, link.answer});
    }
    const auto plan = compile_plan(without_verdicts(std::move(input)));
    if (!plan) return core::fail(plan.error());
    return core::serialize(*plan);
}

}  // namespace postern::agent
