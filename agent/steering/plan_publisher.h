// SPDX-License-Identifier: Apache-2.0
// Writes plans for the resolver: the current one at once by rename; the durable one, and the fallback file beside it,
// only after a lasting change, synced to disk off the loop thread. A failed write is retried until it succeeds.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/config/paths.h"
#include "agent/steering/generation.h"
#include "agent/steering/plan_compiler.h"
#include "core/loop.h"
#include "core/message.h"

namespace postern::agent {

class PlanPublisher {
  public:
    /// Reads both plans once: generations continue above them, and an unchanged durable plan is not rewritten.
    PlanPublisher(core::Loop& loop, core::Clock& clock, Paths paths);
    ~PlanPublisher();

    /// Numbers, compiles and writes. An input that can't be compiled is reported by problem() and in the log.
    void publish(PlanInput input);
    /// Waits for a durable write in progress; for a clean exit.
    void flush();

    std::uint64_t published_generation() const { return published_; }
    /// Whether a resolver that uses `generation` is up to date. Loading a plan takes a moment: for a second the
    /// previous one counts, too, or readiness checks would fail briefly at each publication.
    bool up_to_date(std::uint64_t generation) const;
    /// True if the current plan on disk is of this boot and has this membership: its verdicts are kept until the
    /// first sweep is done.
    bool current_plan_serves(std::uint64_t membership) const { return found_membership_ == membership; }
    /// "" or what could not be written or compiled, with the fix.
    core::Message problem() const;

  private:
    struct DurableWrite;

    void write_current();
    void write_durable(const PlanInput& input);
    void start_durable_write();
    void retry_later();

    core::Loop& loop_;
    core::Clock& clock_;
    Paths paths_;
    std::string boot_id_;
    std::optional<Generation> generation_;
    std::uint64_t published_ = 0, previous_ = 0;
    Micros published_mono_us_ = 0;
    std::optional<std::uint64_t> found_membership_;    // of the current plan found at start
    std::optional<std::uint64_t> durable_membership_;  // of the durable plan on disk
    std::optional<PlanInput> last_;
    std::shared_ptr<DurableWrite> writing_;  // shared with the pool job
    std::unique_ptr<DurableWrite> queued_;
    core::Message generation_problem_, current_problem_, durable_problem_;
    core::Timer retry_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // a pool job may outlive this object
};

}  // namespace postern::agent
