// SPDX-License-Identifier: Apache-2.0
#include "resolver/plan_watcher.h"

#include "core/file_system.h"
#include "core/log.h"

namespace postern::resolver {

PlanWatcher::PlanWatcher(core::Loop& loop, core::Clock& clock, PlanPaths paths, core::StatsPage& stats,
                         std::uint64_t seed, std::function<void(PlanPointer)> use, std::function<void()> refused)
    : clock_(clock),
      paths_(std::move(paths)),
      stats_(stats),
      seed_(seed),
      boot_id_(core::boot_id()),
      use_(std::move(use)),
      refused_(std::move(refused)),
      plan_file_(loop, clock, paths_.plans.front(), core::FileWatch::Looks::kIfLinked),
      fallback_file_(loop, clock, paths_.fallback, core::FileWatch::Looks::kIfLinked) {}

void PlanWatcher::start() {
    // Watch first, then read, so that no change in between is missed.
    plan_file_.start([this] { plan_changed(); });
    reload();
}

void PlanWatcher::stop() {
    plan_file_.stop();
    fallback_file_.stop();
}

void PlanWatcher::reload() {
    auto found =
        choose_plan(paths_, [this](const auto& path, auto source, auto fault) { refuse(path, source, fault); });
    if (!found) {
        if (!has_plan_) take_fallback();
        return;
    }
    // A plan at the current path is always taken, whatever its generation: the agent has put it there. The durable
    // one is taken only if it is newer than the plan in use; a different boot id makes no difference, as it concerns
    // the verdicts only.
    if (has_plan_ && found->source != core::PlanSource::kCurrent && found->view.generation < generation_) return;
    take(std::move(found->view), found->source);
}

void PlanWatcher::plan_changed() {
    auto plan = core::PlanView::load(plan_file_.path());
    if (plan) return take(std::move(*plan), core::PlanSource::kCurrent);
    // When the file disappears the plan stays in use.
    if (plan.error() != core::PlanFault::kMissing) refuse(plan_file_.path(), core::PlanSource::kCurrent, plan.error());
}

void PlanWatcher::fallback_changed() {
    if (!has_plan_) take_fallback();
}

void PlanWatcher::take(core::PlanView view, core::PlanSource source) {
    has_plan_ = true;
    fallback_file_.stop();
    auto plan = std::make_shared<const ActivePlan>(std::move(view), source, boot_id_, seed_);
    stats_.plan_accepted_generation = plan->view.generation;
    stats_.plan_accepted_mono_us = clock_.mono_us();
    stats_.plan_source = static_cast<std::uint32_t>(source);
    ++stats_.plans_accepted;
    // Plans with new verdicts only come every minute or two: debug, because the agent logs what they change.
    const auto level =
        plan->view.membership == membership_ && source == source_ ? core::Level::kDebug : core::Level::kInfo;
    generation_ = plan->view.generation;
    membership_ = plan->view.membership;
    source_ = source;
    core::log(level, "plan_accepted", "a plan is in use",
              {{"source", std::string(core::to_string(source))},
               {"generation", std::to_string(plan->view.generation)},
               {"names", std::to_string(plan->view.owners.size())},
               {"upstreams", std::to_string(plan->view.upstreams.size())},
               {"verdicts", plan->same_boot ? "usable" : "other_boot"}});
    use_(std::move(plan));
}

void PlanWatcher::take_fallback() {
    // Watch first, then read, so that no change in between is missed.
    if (!paths_.fallback.empty() && !fallback_) fallback_file_.start([this] { fallback_changed(); });
    auto [known, lists, kept] = load_fallback(paths_.fallback, resolv_confs_, fallback_known_);
    fallback_known_ = std::move(known);
    if (std::exchange(kept_, kept) != kept && !kept.empty()) {
        core::log_warning("list_kept", "an empty list does not replace the one in use",
                          {{"path", paths_.fallback}, {"lists", kept}});
    }
    if (fallback_ == lists) return;
    fallback_ = lists;
    stats_.plan_source = static_cast<std::uint32_t>(core::PlanSource::kFallback);
    core::log_warning(
        "plan_missing", "there is no valid plan: private names get SERVFAIL, all others are forwarded",
        {{"names", std::to_string(lists.names.size())}, {"upstreams", std::to_string(lists.upstreams.size())}});
    use_(std::make_shared<const ActivePlan>(plan_from_fallback(lists), core::PlanSource::kFallback, boot_id_, seed_));
}

void PlanWatcher::refuse(const std::string& path, core::PlanSource source, core::PlanFault fault) {
    ++stats_.plans_refused;
    stats_.plan_refused_fault = static_cast<std::uint32_t>(fault);
    stats_.plan_refused_path = static_cast<std::uint32_t>(source);
    stats_.plan_refused_mono_us = clock_.mono_us();
    core::log_warning("plan_refused", "a plan is not valid and is not used",
                      {{"path", path}, {"reason", std::string(core::to_string(fault))}});
    refused_();
}

}  // namespace postern::resolver
