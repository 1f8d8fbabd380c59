// Puts plans where the resolver finds them: the current one at once by rename; the durable one, and the fallback file
// beside it, only when something lasting changed, synced to disk off the loop thread. A write that fails loses nothing
// and is tried again until it works.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/config/config.h"
#include "agent/steering/generation.h"
#include "agent/steering/plan_compiler.h"
#include "core/loop.h"

namespace postern::agent {

class PlanPublisher {
  public:
    /// Reads both plans once: generations go on above them, an unchanged durable one is not rewritten.
    PlanPublisher(core::Loop& loop, core::Clock& clock, Paths paths);
    ~PlanPublisher();

    /// Numbers, compiles and writes. An input that can't be compiled is reported by problem() and the log.
    void publish(PlanInput input);
    /// Waits for a durable write under way; for a clean exit.
    void flush();

    std::uint64_t published_generation() const { return published_; }
    /// Whether a resolver that uses `generation` is up to date. A plan takes a moment to get there: for a second the one
    /// before is as good, or every readiness check would now and then be red for a millisecond.
    bool up_to_date(std::uint64_t generation) const;
    /// True when the current plan on disk is of this boot and has this membership: its verdicts are worth keeping until
    /// the first sweep is done.
    bool current_plan_serves(std::uint64_t membership) const { return found_membership_ == membership; }
    /// "" or what could not be written or compiled, with the fix.
    std::string problem() const;

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
    std::string generation_problem_, current_problem_, durable_problem_;
    core::Timer retry_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // a pool job may end after us
};

}  // namespace postern::agent
