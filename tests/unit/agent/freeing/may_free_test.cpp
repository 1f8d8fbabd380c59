// SPDX-License-Identifier: Apache-2.0
#include "agent/freeing/may_free.h"
#include "tests/unit/agent/freeing/plan_kit.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::TargetState;
using test::address;

namespace {

Permission asked(const core::Plan& plan, const char* text, bool by_hand = false, core::Micros now = 1000) {
    return may_free(test::view_of(plan), address(text), now, core::boot_id(), by_hand);
}

}  // namespace

TEST_CASE("freeing: the plan says which addresses may be freed", "[freeing]") {
    struct Row {
        const char* address;
        FreeRefusal helper, hand;
    };
    constexpr FreeRefusal kYes = FreeRefusal::kNone;
    for (const Row& row : {Row{"10.0.0.1", FreeRefusal::kAnswered, FreeRefusal::kAnswered}, Row{"10.0.0.2", kYes, kYes},
                           Row{"10.0.0.2:444", FreeRefusal::kNotManaged, FreeRefusal::kNotManaged},
                           Row{"10.0.0.3", FreeRefusal::kNotAsked, kYes}, Row{"10.0.0.4", kYes, kYes},
                           Row{"10.0.0.5", FreeRefusal::kNotAsked, kYes},
                           Row{"10.0.0.6", FreeRefusal::kNotAsked, FreeRefusal::kNotAsked},
                           Row{"10.0.0.7", FreeRefusal::kAlone, FreeRefusal::kAlone},
                           Row{"10.9.9.9", FreeRefusal::kNotManaged, FreeRefusal::kNotManaged}}) {
        INFO(row.address);
        CHECK(asked(test::plan_of_targets(), row.address).refusal == row.helper);
        CHECK(asked(test::plan_of_targets(), row.address, true).refusal == row.hand);
    }
    CHECK(asked(core::Plan{}, "10.0.0.2").refusal == FreeRefusal::kNotManaged);
}

TEST_CASE("freeing: idle connections are lost only where the owner has drained with --free", "[freeing]") {
    CHECK(asked(test::plan_of_targets(), "10.0.0.2").lost == Lost::kStuck);
    CHECK(asked(test::plan_of_targets(), "10.0.0.4").lost == Lost::kStuckOrIdle);
    CHECK(asked(test::plan_of_targets(), "10.0.0.4", true).lost == Lost::kStuck);
}

TEST_CASE("freeing: an outdated plan, or one of another boot, frees nothing", "[freeing]") {
    CHECK(asked(test::plan_of_targets(), "10.0.0.2", false, 1001).refusal == FreeRefusal::kOutdated);
    core::Plan old = test::plan_of_targets();
    old.boot_id = std::string(32, '0');
    CHECK(asked(old, "10.0.0.2").refusal == FreeRefusal::kOutdated);
    core::Plan without = test::plan_of_targets();
    without.owners[0].verdicts_until = 0;  // no verdicts: not probed, and only a drain takes an address out
    CHECK(asked(without, "10.0.0.4", false, 1'000'000).refusal == FreeRefusal::kNone);
}

TEST_CASE("freeing: an address that two links have is freed only when none answers it", "[freeing]") {
    core::Plan plan = test::plan_of_targets();
    plan.targets.push_back({1, address("10.0.0.2"), TargetState::kAnswered, false});
    CHECK(asked(plan, "10.0.0.2").refusal == FreeRefusal::kAnswered);
    plan.targets.back().state = TargetState::kLeftOut;
    CHECK(asked(plan, "10.0.0.2").refusal == FreeRefusal::kNone);
    CHECK(asked(plan, "10.0.0.2").lost == Lost::kStuck);
}

TEST_CASE("plan: targets come back as they were, and a state of a later version is none to free", "[plan]") {
    const core::Plan plan = test::plan_of_targets();
    CHECK(test::view_of(plan).targets == plan.targets);
    core::Plan odd = plan;
    odd.targets[1].state = static_cast<TargetState>(200);
    CHECK(test::view_of(odd).targets[1].state == TargetState::kLeftOut);
    odd.targets[1].link = 7;
    CHECK(core::PlanView::parse(*core::serialize(odd)).error() == core::PlanFault::kBadRecord);
}
