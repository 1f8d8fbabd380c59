// SPDX-License-Identifier: Apache-2.0
// A plan with addresses in each state.
#pragma once

#include "core/file_system.h"
#include "core/plan.h"

namespace postern::test {

inline core::SocketAddress address(const char* text) {
    return *core::SocketAddress::parse(text, 443);
}

/// Of the link "db": one that is answered, one of each other state, and what the owner asks for.
inline core::Plan plan_of_targets() {
    using core::TargetState;
    core::Plan plan;
    plan.boot_id = core::boot_id();
    plan.links = {{1, "db"}, {2, "alone"}};
    plan.targets = {
        {0, address("10.0.0.1"), TargetState::kAnswered, false}, {0, address("10.0.0.2"), TargetState::kPathDown, true},
        {0, address("10.0.0.3"), TargetState::kPathDown, false}, {0, address("10.0.0.4"), TargetState::kDrained, true},
        {0, address("10.0.0.5"), TargetState::kDrained, false},  {0, address("10.0.0.6"), TargetState::kLeftOut, false},
        {1, address("10.0.0.7"), TargetState::kPathDown, true}};
    core::PlanOwner owner;
    owner.name = {2, 'd', 'b', 0};
    owner.verdicts_until = 1000;
    plan.owners = {owner};
    return plan;
}

inline core::PlanView view_of(const core::Plan& plan) {
    auto view = core::PlanView::parse(*core::serialize(plan));
    return std::move(*view);
}

}  // namespace postern::test
