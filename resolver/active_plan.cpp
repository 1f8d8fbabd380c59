// SPDX-License-Identifier: Apache-2.0
#include "resolver/active_plan.h"

#include "resolver/dns_name.h"

namespace postern::resolver {

core::PlanView plan_from_fallback(const core::Fallback& fallback) {
    core::Plan plan;
    plan.listen = fallback.listen;
    plan.allow = fallback.allow;
    if (plan.allow.empty()) plan.allow = {*core::IpPrefix::parse("127.0.0.0/8"), *core::IpPrefix::parse("::1/128")};
    std::uint32_t id = 1;
    for (const auto& address : fallback.upstreams)
        plan.upstreams.push_back({id++, address});
    plan.links.push_back({1, "fallback"});
    for (const auto& name : fallback.names) {
        const auto wire = name_from_text(name);
        if (!wire) continue;
        core::PlanOwner owner;
        owner.name = *wire;
        owner.ready = false;
        owner.explain = "no valid plan; the name is known from the fallback file only";
        plan.owners.push_back(std::move(owner));
    }
    // Does not fail: the names of the largest file fit. If it does (a bug) the plan is empty.
    auto bytes = core::serialize(plan);
    if (!bytes) bytes = core::serialize(core::Plan{});
    return std::move(*core::PlanView::parse(std::move(*bytes)));
}

}  // namespace postern::resolver
