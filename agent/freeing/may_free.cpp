// SPDX-License-Identifier: Apache-2.0
#include "agent/freeing/may_free.h"

#include <algorithm>

namespace postern::agent {

namespace {

using core::TargetState;

/// An outdated plan has the answer that was right once: every address is answered now.
bool outdated(const core::PlanView& plan, std::uint32_t link, core::Micros now_mono_us, std::string_view boot_id) {
    return plan.boot_id != boot_id ||
           std::any_of(plan.owners.begin(), plan.owners.end(), [&](const core::OwnerView& owner) {
               return owner.link == link && owner.verdicts_until != 0 && owner.verdicts_until < now_mono_us;
           });
}

Permission judge(const core::PlanView& plan, const core::PlanTarget& target, core::Micros now_mono_us,
                 std::string_view boot_id, bool by_hand) {
    const bool withdrawn = target.state == TargetState::kPathDown || target.state == TargetState::kDrained;
    if (!withdrawn || (!target.free && !by_hand)) return {FreeRefusal::kNotAsked};
    const bool another = std::any_of(plan.targets.begin(), plan.targets.end(), [&](const core::PlanTarget& t) {
        return t.link == target.link && t.state == TargetState::kAnswered;
    });
    if (!another) return {FreeRefusal::kAlone};
    if (outdated(plan, target.link, now_mono_us, boot_id)) return {FreeRefusal::kOutdated};
    const bool idle = target.state == TargetState::kDrained && target.free && !by_hand;
    return {FreeRefusal::kNone, idle ? Lost::kStuckOrIdle : Lost::kStuck};
}

}  // namespace

Permission may_free(const core::PlanView& plan, const core::SocketAddress& address, core::Micros now_mono_us,
                    std::string_view boot_id, bool by_hand) {
    std::optional<Permission> best;
    for (const auto& target : plan.targets) {
        if (target.address != address) continue;
        if (target.state == TargetState::kAnswered) return {FreeRefusal::kAnswered};
        const Permission now = judge(plan, target, now_mono_us, boot_id, by_hand);
        // Links may share an address: one that allows it is enough, as none answers it.
        if (!best || (best->refusal != FreeRefusal::kNone && now.refusal == FreeRefusal::kNone)) best = now;
    }
    return best.value_or(Permission{FreeRefusal::kNotManaged});
}

}  // namespace postern::agent
