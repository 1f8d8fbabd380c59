// SPDX-License-Identifier: Apache-2.0
// A plan in use: the parsed file, its lookup table and its client filter. Immutable and replaced as a whole, so that
// a query never sees parts of two plans. Loop thread.
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
    bool same_boot;  // false: the plan is of another boot, so its monotonic times are invalid and no verdict is fresh

    ActivePlan(core::PlanView plan, core::PlanSource from, const std::string& boot_id, std::uint64_t seed)
        : view(std::move(plan)),
          source(from),
          table(view.owners, seed),
          filter(view.allow),
          same_boot(view.boot_id == boot_id) {}

    /// The verdicts behind the answers of `owner` are still valid.
    bool fresh(const core::OwnerView& owner, core::Micros now) const { return same_boot && now < owner.verdicts_until; }
};

using PlanPointer = std::shared_ptr<const ActivePlan>;

/// A plan made of the fallback file: its names exist but are not ready, everything else is forwarded. Where the file does
/// not say whom the last plan allowed, only this host may ask.
core::PlanView plan_from_fallback(const core::Fallback& fallback);

}  // namespace postern::resolver
