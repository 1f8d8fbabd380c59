// SPDX-License-Identifier: Apache-2.0
// Schedules the attempts. The starts of a target are points of a grid, which begins at hash(link, ip) within the
// interval, ± 2.5 % of the interval; so two starts are 95 to 105 % of it apart, and there is no drift, however
// long attempts take.
//   - A new target, or one whose spec changed, is probed within 250 ms, then on its grid.
//   - From the first failure until the verdict is settled (while on_result returns kFast) it is probed every
//     fast_interval, or as soon as less than two attempts run.
//   - While an attempt of a target that is not known to be bad lasts longer than fast_interval, another one begins, and
//     no more than these two run at once: a target that hangs is judged after about two timeouts, not `fall` of them.
//     Grid points that pass during attempts are counted as missed.
//   - At most SchedulerLimits::handshakes young attempts at once. An attempt older than young_us is waiting for the
//     network and needs no CPU: it is no longer counted, so that unreachable targets don't delay the others.
//   - After a suspend, or when the loop was blocked, all overdue targets start spread over a second.
// Owned by the agent, loop thread only. The callbacks may call any method of this class.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/random.h"
#include "probe/probe_launcher.h"
#include "probe/probe_types.h"

namespace postern::probe {

struct ScheduledTarget {
    ProbeTarget target;
    VerdictRule rule;
};

/// The pace of the next attempt: kFast while the verdict is not settled.
enum class Pace { kNormal, kFast };

struct SchedulerLimits {
    std::size_t handshakes = 128;  // young attempts at once
    core::Micros young_us = 100 * core::kMillisecond;
    std::size_t in_flight = 4096;  // attempts at once of any age, each with a descriptor
};

/// Upper bounds of the lag histogram (actual start minus due time) in microseconds; the last bucket is +Inf.
inline constexpr std::array<core::Micros, 12> kLagBoundsUs{100,   250,   500,    1000,   2500,    5000,
                                                           10000, 25000, 100000, 500000, 1000000, 5000000};

struct SchedulerCounters {
    std::uint64_t attempts = 0;
    std::uint64_t missed = 0;
    std::uint64_t resumed = 0;  // how often the host was suspended or the loop was blocked
    std::array<std::uint64_t, kLagBoundsUs.size() + 1> lag_buckets{};
    core::Micros lag_sum_us = 0;
    std::size_t in_flight = 0, waiting = 0, targets = 0;
};

class Scheduler {
  public:
    using OnResult = std::function<Pace(const ProbeResult&)>;

    /// All references must outlive the scheduler.
    Scheduler(core::Clock& clock, core::Random& random, ProbeLauncher& launcher, OnResult on_result,
              SchedulerLimits limits = {});
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    /// Replaces the list. Targets in the old and the new one (same link and ip) keep their grid, pace and running
    /// attempt; the attempts of removed ones are cancelled. A second target with the same link and ip is ignored.
    void set_targets(std::vector<ScheduledTarget> targets);
    /// Probes the targets of `link` ("": of all links) as soon as the limits allow, in addition to the schedule.
    /// Calls `done` when each of them has completed an attempt that began after this call; never from inside.
    void probe_now(std::string_view link, std::function<void()> done);

    /// Probes one target as soon as the limits allow, in addition to the schedule; not while an attempt of it runs, which
    /// finds out the same. Ignored for an unknown one.
    void hasten(std::string_view link, const core::IpAddress& ip);

    SchedulerCounters counters() const;
    /// Missed grid points of one target; 0 for an unknown one.
    std::uint64_t missed(std::string_view link, const core::IpAddress& ip) const;

  private:
    using Id = std::uint64_t;
    struct Entry;
    struct Sweep {
        std::map<Id, std::uint64_t> pending;  // target → number of the first attempt that completes it
        std::function<void()> done;
    };

    void plan(Entry& entry, core::Micros due);
    void plan_next(Entry& entry, Pace pace);
    void plan_soon(Entry& entry);
    core::Micros jitter(core::Micros interval);
    void wake();
    void rearm();
    void spread_after_standstill(core::Micros now);
    void start(Entry& entry, core::Micros now);
    void finished(Id id, std::uint64_t attempt, const ProbeResult& result);
    void unplan(Entry& entry);
    void drop(Entry& entry);
    void leave_sweeps(Id id, std::uint64_t attempt);
    bool full() const { return young_.size() >= limits_.handshakes || in_flight_ >= limits_.in_flight; }

    core::Clock& clock_;
    core::Random& random_;
    ProbeLauncher& launcher_;
    OnResult on_result_;
    SchedulerLimits limits_;
    std::map<Id, std::unique_ptr<Entry>> entries_;
    std::map<std::pair<std::string, core::IpAddress>, Id, std::less<>> by_key_;
    std::set<std::pair<core::Micros, Id>> due_;         // planned starts
    std::multiset<std::pair<core::Micros, Id>> young_;  // when running attempts stop being young
    std::vector<Sweep> sweeps_;
    std::vector<std::function<void()>> ended_;  // callbacks of complete sweeps, for the next wake()
    Id next_id_ = 1;
    std::size_t in_flight_ = 0;
    SchedulerCounters counters_;
    core::Timer timer_;
    core::Micros armed_for_ = core::kNever;
};

}  // namespace postern::probe
