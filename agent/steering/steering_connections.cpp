// SPDX-License-Identifier: Apache-2.0
// Steering's part for the applications' connections: where they go, what may be ended, what they tell of an address.
#include <algorithm>

#include "agent/steering/steering.h"

namespace postern::agent {

std::vector<ConnectionTarget> Steering::connection_targets() const {
    std::vector<ConnectionTarget> out;
    for (const auto& link : links_) {
        for (const auto& a : link.addresses)
            out.push_back({link.config.name, {a.ip, link.config.probe.port}});
        const CompareStatus* compare = comparisons_.find(link.config.name);
        if (compare == nullptr) continue;
        for (const auto& ip : compare->addresses)
            out.push_back({link.config.name, {ip, compare->port}, true});
    }
    return out;
}

std::vector<core::PlanTarget> Steering::plan_targets(const Link& link,
                                                     const std::vector<AddressVerdict>& addresses) const {
    using core::TargetState;
    const auto state_of = [&](const AddressVerdict& a) {
        const auto& answer = link.decision.fresh;
        if (std::find(answer.begin(), answer.end(), a.address.ip) != answer.end()) return TargetState::kAnswered;
        const bool down = a.verdict.path == probe::State::kDown;
        if (a.drained && (!down || drains_.frees(a.address))) return TargetState::kDrained;
        return down ? TargetState::kPathDown : TargetState::kLeftOut;
    };
    std::vector<core::PlanTarget> out;
    for (const auto& a : addresses) {
        const TargetState state = state_of(a);
        const bool free = state == TargetState::kDrained ? drains_.frees(a.address)
                                                         : state == TargetState::kPathDown && link.config.free_stuck;
        out.push_back({0, {a.address.ip, link.config.probe.port}, state, free});
    }
    return out;
}

std::vector<FreeTarget> Steering::to_free() const {
    std::vector<FreeTarget> out;
    for (const auto& link : links_) {
        for (const auto& target : link.targets) {
            if (target.free)
                out.push_back({{link.config.name, target.address}, target.state == core::TargetState::kDrained});
        }
    }
    return out;
}

bool Steering::all_good() const {
    return std::all_of(links_.begin(), links_.end(), [this](const Link& link) {
        return !link.config.probe.enabled ||
               std::all_of(link.addresses.begin(), link.addresses.end(), [&](const auto& a) {
                   const auto* health = verdicts_.find(link.config.name, a.ip);
                   if (health == nullptr || !health->settled) return false;
                   const auto& verdict = health->verdict;
                   return (link.config.asks_service() ? verdict.overall() : verdict.path) == probe::State::kUp;
               });
    });
}

void Steering::suspect(const std::string& link, const core::IpAddress& ip) {
    const auto* health = verdicts_.find(link, ip);
    if (started_ && health != nullptr && health->verdict.path != probe::State::kDown) scheduler_.hasten(link, ip);
}

}  // namespace postern::agent
