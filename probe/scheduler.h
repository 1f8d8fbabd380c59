// When each target is probed. Deadlines on a grid, not sleeps: the grid of a target starts at hash(link, ip) within the
// interval, every start is its grid point ± 2.5 % of the interval (so two starts are 95..105 % of it apart), and the
// next grid point never depends on how long an attempt took: no drift.
//   - A new target, or one whose spec changed, is probed within 250 ms, then on its grid.
//   - From the first failure until the verdict is settled (on_result says kFast): every fast_interval, or as soon as
//     the attempt before has ended.
//   - One attempt a target at a time; grid points that pass meanwhile are counted as missed.
//   - At most `Limits::handshakes` young attempts at once. An attempt that has waited longer than `young_us` waits for
//     the network and costs nothing: it gives its place up, so black-holed targets delay nobody.
//   - After a suspend (or a loop that stood still) everything is overdue: those targets start spread over a second.
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

/// What the verdict wants next: kFast while it is not settled.
enum class Pace { kNormal, kFast };

struct SchedulerLimits {
    std::size_t handshakes = 128;  // young attempts at once
    core::Micros young_us = 100 * core::kMillisecond;
    std::size_t in_flight = 4096;  // attempts at once, of whatever age: descriptors
};

/// Upper bounds of the lag histogram (actual start minus due), microseconds; the last bucket is +Inf.
inline constexpr std::array<core::Micros, 12> kLagBoundsUs{100,   250,   500,    1000,   2500,    5000,
                                                           10000, 25000, 100000, 500000, 1000000, 5000000};

struct SchedulerCounters {
    std::uint64_t attempts = 0;
    std::uint64_t missed = 0;
    std::uint64_t resumed = 0;  // times that the machine slept or the loop stood still
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

    /// The whole list. Targets that stay (same link and ip) keep their grid, pace and running attempt; those that went
    /// are cancelled. A duplicate (link, ip) is ignored.
    void set_targets(std::vector<ScheduledTarget> targets);
    /// Probes the targets of `link` ("": of all) as soon as the limits allow, besides the schedule. `done` is called
    /// once all of them have ended an attempt that began after this call, never from inside it.
    void probe_now(std::string_view link, std::function<void()> done);

    SchedulerCounters counters() const;
    /// Missed grid points of one target; 0 for an unknown one.
    std::uint64_t missed(std::string_view link, const core::IpAddress& ip) const;

  private:
    using Id = std::uint64_t;
    struct Entry;
    struct Sweep {
        std::map<Id, std::uint64_t> pending;  // target → the first of its attempts that counts
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
    void finished(Id id, const ProbeResult& result);
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
    std::set<std::pair<core::Micros, Id>> due_;    // planned starts
    std::set<std::pair<core::Micros, Id>> young_;  // when running attempts stop being young
    std::vector<Sweep> sweeps_;
    std::vector<std::function<void()>> ended_;  // callbacks of complete sweeps, called by the next wake
    Id next_id_ = 1;
    std::size_t in_flight_ = 0;
    SchedulerCounters counters_;
    core::Timer timer_;
    core::Micros armed_for_ = core::kNever;
};

}  // namespace postern::probe
