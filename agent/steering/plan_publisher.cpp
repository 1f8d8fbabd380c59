// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/plan_publisher.h"

#include <algorithm>
#include <utility>

#include "core/fallback_file.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/plan.h"

namespace postern::agent {
namespace {

constexpr Micros kRetry = 2 * core::kSecond;
constexpr Micros kOnItsWay = core::kSecond;
constexpr mode_t kPlanMode = 0640;  // contains names and addresses: readable by the resolver's group only

core::Message join(std::initializer_list<const core::Message*> problems) {
    core::Message out;
    for (const core::Message* problem : problems) {
        if (!problem->empty()) core::add_sentence(out, *problem);
    }
    return out;
}

}  // namespace

struct PlanPublisher::DurableWrite {
    std::string plan_path, fallback_path;
    core::Bytes plan;
    std::string fallback;
    std::uint64_t membership = 0;
    core::Result<void> result;

    void run() {
        result = core::write_file(fallback_path, core::as_bytes(fallback), kPlanMode, true);
        if (result) result = core::write_file(plan_path, plan, kPlanMode, true);
    }
};

PlanPublisher::PlanPublisher(core::Loop& loop, core::Clock& clock, Paths paths)
    : loop_(loop), clock_(clock), paths_(std::move(paths)), boot_id_(core::boot_id()), retry_(clock) {
    std::uint64_t highest = 0;
    if (const auto current = core::PlanView::load(paths_.current_plan)) {
        highest = current->generation;
        if (current->boot_id == boot_id_) found_membership_ = current->membership;
    }
    if (const auto durable = core::PlanView::load(paths_.durable_plan)) {
        highest = std::max(highest, durable->generation);
        // A fallback file that is missing, cut, or of a version without `allow`, is written again with this plan.
        const auto text = core::read_file(paths_.fallback, core::kMaxFallbackBytes);
        const auto fallback = core::parse_fallback(text.value_or(""));
        if (!fallback.listen.empty() && !fallback.allow.empty()) durable_membership_ = durable->membership;
    }
    generation_.emplace(paths_.generation, highest, &generation_problem_);
    if (!generation_problem_.empty()) core::log_warning("state_not_writable", generation_problem_);
}

PlanPublisher::~PlanPublisher() = default;

void PlanPublisher::publish(PlanInput input) {
    input.boot_id = boot_id_;
    last_ = std::move(input);
    write_current();
    if (membership_of(*last_) != durable_membership_) write_durable(*last_);
}

void PlanPublisher::write_current() {
    last_->generation = generation_->next();
    const auto plan = compile_plan(*last_);
    const auto bytes = plan ? core::serialize(*plan) : core::fail(plan.error());
    const auto written =
        bytes ? core::write_file(paths_.current_plan, *bytes, kPlanMode, false) : core::fail(bytes.error());
    const core::Message before = current_problem_;
    if (written) {
        previous_ = std::exchange(published_, last_->generation);
        published_mono_us_ = clock_.mono_us();
        current_problem_.clear();
        if (!before.empty()) core::log_info("plan_written", "the plan can be written again");
        return;
    }
    current_problem_ = core::message("the plan is not up to date: {}", written.error().whole());
    if (current_problem_ != before) core::log_error("plan_not_written", current_problem_);
    retry_later();
}

bool PlanPublisher::up_to_date(std::uint64_t generation) const {
    if (generation == 0) return false;
    if (generation == published_) return true;
    return generation == previous_ && clock_.mono_us() - published_mono_us_ < kOnItsWay;
}

void PlanPublisher::write_durable(const PlanInput& input) {
    core::Fallback fallback;
    fallback.listen = input.dns.listen;
    fallback.upstreams = input.upstreams;
    fallback.allow = input.dns.allow;
    for (const auto& link : input.links)
        (link.answer ? fallback.names : fallback.forwarded).push_back(link.host);
    const auto plan = compile_plan(without_verdicts(input));
    auto bytes = plan ? core::serialize(*plan) : core::fail(plan.error());
    if (!bytes) return;  // the current plan failed in the same way and was reported
    queued_ = std::make_unique<DurableWrite>();
    queued_->plan_path = paths_.durable_plan;
    queued_->fallback_path = paths_.fallback;
    queued_->plan = std::move(*bytes);
    queued_->fallback = core::format_fallback(fallback);
    queued_->membership = membership_of(input);
    start_durable_write();
}

void PlanPublisher::start_durable_write() {
    if (writing_ || !queued_) return;
    writing_ = std::move(queued_);
    const std::shared_ptr<DurableWrite> job = writing_;
    loop_.run_in_pool([job] { job->run(); },
                      [this, job, alive = std::weak_ptr<bool>(alive_)] {
                          if (alive.expired()) return;
                          writing_.reset();
                          const core::Message before = durable_problem_;
                          durable_problem_.clear();
                          if (job->result) {
                              durable_membership_ = job->membership;
                          } else {
                              durable_problem_ = core::message("the plan for the next boot is not up to date: {}",
                                                               job->result.error().whole());
                              if (durable_problem_ != before) core::log_error("plan_not_durable", durable_problem_);
                              retry_later();
                          }
                          start_durable_write();
                      });
}

void PlanPublisher::retry_later() {
    retry_.start_in(kRetry, [this] {
        if (!last_) return;
        if (!current_problem_.empty()) write_current();
        if (membership_of(*last_) != durable_membership_ && !writing_) write_durable(*last_);
    });
}

void PlanPublisher::flush() {
    while (writing_ || queued_) {
        loop_.run_once();
    }
}

core::Message PlanPublisher::problem() const {
    return join({&current_problem_, &durable_problem_, &generation_problem_});
}

}  // namespace postern::agent
