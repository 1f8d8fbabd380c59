// A plan in use: the checked file, its lookup table and its client filter. Immutable; swapped as a whole, so
// no query ever sees two plans.
#pragma once

#include <memory>

#include "core/fallback_file.h"
#include "core/plan.h"
#include "core/stats_page.h"
#include "resolver/answer_table.h"
#include "resolver/client_filter.h"

namespace postern::resolver {

struct ActivePlan {
    core::PlanView view;
    core::PlanSource source;
    AnswerTable table;
    ClientFilter filter;
    bool same_boot;  // else its times mean nothing and no verdict is valid

    ActivePlan(core::PlanView plan, core::PlanSource from, const std::string& boot_id, std::uint64_t seed)
        : view(std::move(plan)),
          source(from),
          table(view.owners, seed),
          filter(view.allow),
          same_boot(view.boot_id == boot_id) {}

    bool fresh(const core::OwnerView& owner, core::Micros now) const { return same_boot && now < owner.verdicts_until; }
};

using PlanPointer = std::shared_ptr<const ActivePlan>;

/// The plan that a fallback file amounts to: its names exist but are not ready, everything else is forwarded.
/// Clients of loopback and private ranges are allowed: who was allowed is not known, and containers need DNS,
/// too.
core::PlanView plan_from_fallback(const core::Fallback& fallback);

}  // namespace postern::resolver
