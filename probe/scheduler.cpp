// SPDX-License-Identifier: Apache-2.0
#include "probe/scheduler.h"

#include <algorithm>

namespace postern::probe {
namespace {

constexpr core::Micros kSoon = 250 * core::kMillisecond;
constexpr core::Micros kStandstill = core::kSecond;   // a timer this late: the host was suspended
constexpr core::Micros kSpreadAfter = core::kSecond;  // the overdue targets start within this time
constexpr core::Micros kMinInterval = core::kMillisecond;
constexpr std::size_t kMaxOverlap = 2;  // attempts of one target at once

/// FNV-1a and the final mix of splitmix64, so that neighbouring addresses get distant values.
std::uint64_t hash_of(const ProbeTarget& target) {
    std::uint64_t h = 0xcbf29ce484222325ULL;
    const auto add = [&h](std::uint8_t byte) { h = (h ^ byte) * 0x100000001b3ULL; };
    for (const char c : target.link)
        add(static_cast<std::uint8_t>(c));
    add(0);
    for (std::size_t i = 0; i < target.ip.size(); ++i)
        add(target.ip.data()[i]);
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
    return h ^ (h >> 31);
}

/// The first point after `t` of the grid that begins at `offset`.
core::Micros grid_after(core::Micros t, core::Micros offset, core::Micros interval) {
    if (t < offset) return offset;
    return offset + ((t - offset) / interval + 1) * interval;
}

}  // namespace

struct Scheduler::Entry {
    struct Attempt {
        std::uint64_t number = 0;
        core::Micros young_until = 0;  // as in young_; 0: not young
        std::unique_ptr<RunningProbe> probe;
    };
    Id id = 0;
    ScheduledTarget scheduled;
    std::uint64_t hash = 0;
    core::Micros due = core::kNever;  // as in due_; kNever: no start is planned (two attempts run)
    core::Micros planned_grid = 0;    // the grid point of the planned start, if on_grid
    core::Micros grid = 0;            // the last used grid point
    core::Micros started = 0;         // the last attempt
    std::uint64_t attempt = 0;        // its number
    std::uint64_t missed = 0;
    std::vector<Attempt> running;
    bool on_grid = false;    // the planned or running attempt is at a grid point
    bool again = false;      // probe_now() was called during an attempt
    bool overlap = false;    // the planned start is for the case that the running attempt lasts
    bool known_bad = false;  // the last attempt failed, and the verdict is settled: nothing is to be found out soon

    core::Micros interval() const { return std::max(kMinInterval, scheduled.rule.interval_us); }
    core::Micros fast() const { return std::clamp(scheduled.rule.fast_interval_us, kMinInterval, interval()); }
    core::Micros offset() const { return static_cast<core::Micros>(hash % static_cast<std::uint64_t>(interval())); }
};

Scheduler::Scheduler(core::Clock& clock, core::Random& random, ProbeLauncher& launcher, OnResult on_result,
                     SchedulerLimits limits)
    : clock_(clock),
      random_(random),
      launcher_(launcher),
      on_result_(std::move(on_result)),
      limits_(limits),
      timer_(clock) {}

Scheduler::~Scheduler() = default;

void Scheduler::set_targets(std::vector<ScheduledTarget> targets) {
    std::set<Id> present;
    for (ScheduledTarget& t : targets) {
        const auto [it, fresh] = by_key_.try_emplace({t.target.link, t.target.ip}, next_id_);
        if (!present.insert(it->second).second) continue;  // a duplicate
        if (fresh) {
            auto entry = std::make_unique<Entry>();
            entry->id = next_id_++;
            entry->hash = hash_of(t.target);
            entry->scheduled = std::move(t);
            plan_soon(*entry);
            entries_.emplace(entry->id, std::move(entry));
            continue;
        }
        Entry& entry = *entries_.at(it->second);
        const bool same_spec =
            entry.scheduled.target.spec == t.target.spec || *entry.scheduled.target.spec == *t.target.spec;
        const bool same_interval = entry.scheduled.rule.interval_us == t.rule.interval_us;
        entry.scheduled = std::move(t);
        if (!same_interval) {
            // The grid is another one: no point of it was used, and none was missed.
            entry.grid = 0;
            entry.on_grid = false;
        }
        if (!same_spec) {
            plan_soon(entry);
        } else if (!same_interval && entry.running.empty()) {
            plan_next(entry, Pace::kNormal);
        }
    }
    for (auto it = entries_.begin(); it != entries_.end();) {
        if (present.count(it->first) != 0) {
            ++it;
            continue;
        }
        drop(*it->second);
        it = entries_.erase(it);
    }
    rearm();
}

/// Removes the entry from everything except entries_.
void Scheduler::drop(Entry& entry) {
    unplan(entry);
    for (const auto& attempt : entry.running) {
        if (attempt.young_until != 0) young_.erase(young_.find({attempt.young_until, entry.id}));
    }
    in_flight_ -= entry.running.size();
    entry.running.clear();
    by_key_.erase({entry.scheduled.target.link, entry.scheduled.target.ip});
    leave_sweeps(entry.id, UINT64_MAX);
}

void Scheduler::probe_now(std::string_view link, std::function<void()> done) {
    Sweep sweep;
    sweep.done = std::move(done);
    const core::Micros now = clock_.mono_us();
    for (const auto& [id, entry] : entries_) {
        if (!link.empty() && entry->scheduled.target.link != link) continue;
        sweep.pending.emplace(id, entry->attempt + 1);
        if (!entry->running.empty()) {
            entry->again = true;
        } else {
            entry->on_grid = false;
            plan(*entry, now);
        }
    }
    if (sweep.pending.empty()) {
        if (sweep.done) ended_.push_back(std::move(sweep.done));
    } else {
        sweeps_.push_back(std::move(sweep));
    }
    rearm();
}

void Scheduler::hasten(std::string_view link, const core::IpAddress& ip) {
    const auto it = by_key_.find(std::pair{std::string(link), ip});
    if (it == by_key_.end()) return;
    Entry& entry = *entries_.at(it->second);
    if (!entry.running.empty() || entry.due <= clock_.mono_us()) return;
    entry.on_grid = false;
    plan(entry, clock_.mono_us());
    rearm();
}

SchedulerCounters Scheduler::counters() const {
    SchedulerCounters out = counters_;
    out.in_flight = in_flight_;
    out.targets = entries_.size();
    const core::Micros now = clock_.mono_us();
    for (auto it = due_.begin(); it != due_.end() && it->first <= now; ++it)
        ++out.waiting;
    return out;
}

std::uint64_t Scheduler::missed(std::string_view link, const core::IpAddress& ip) const {
    const auto it = by_key_.find(std::pair{std::string(link), ip});
    return it == by_key_.end() ? 0 : entries_.at(it->second)->missed;
}

core::Micros Scheduler::jitter(core::Micros interval) {
    const core::Micros width = interval / 20;
    return static_cast<core::Micros>(random_.below(static_cast<std::uint64_t>(width + 1))) - width / 2;
}

void Scheduler::unplan(Entry& entry) {
    if (entry.due != core::kNever) due_.erase({entry.due, entry.id});
    entry.due = core::kNever;
    entry.overlap = false;
}

void Scheduler::plan(Entry& entry, core::Micros due) {
    unplan(entry);
    entry.due = due;
    due_.emplace(due, entry.id);
}

/// For a new or changed target: at a random time soon, so that a thousand targets don't start at once.
void Scheduler::plan_soon(Entry& entry) {
    if (!entry.running.empty()) {
        entry.again = true;
        return;
    }
    entry.on_grid = false;
    plan(entry, clock_.mono_us() + static_cast<core::Micros>((entry.hash >> 20) % static_cast<std::uint64_t>(kSoon)));
}

void Scheduler::plan_next(Entry& entry, Pace pace) {
    const core::Micros now = clock_.mono_us();
    const core::Micros interval = entry.interval();
    const bool was_on_grid = std::exchange(entry.on_grid, false);
    if (std::exchange(entry.again, false)) {
        plan(entry, now);
        return;
    }
    if (pace == Pace::kFast) {
        plan(entry, std::max(now, entry.started + entry.fast() + jitter(entry.fast())));
        return;
    }
    // After a start ahead of its grid point the next one is used; after a start off the grid the next point is at
    // least half a fast interval later.
    core::Micros grid = grid_after(std::max(entry.grid, entry.started + entry.fast() / 2), entry.offset(), interval);
    if (grid < now) grid += ((now - grid) / interval + 1) * interval;
    if (was_on_grid) {
        // Count also the points that passed while the start waited for the limits.
        const auto missed = static_cast<std::uint64_t>(std::max<core::Micros>(0, (grid - entry.grid) / interval - 1));
        entry.missed += missed;
        counters_.missed += missed;
    }
    entry.planned_grid = grid;
    entry.on_grid = true;
    plan(entry, std::max(now, grid + jitter(interval)));
}

void Scheduler::start(Entry& entry, core::Micros now) {
    const core::Micros lag = now - entry.due;
    ++counters_.attempts;
    counters_.lag_sum_us += lag;
    const auto bucket = std::lower_bound(kLagBoundsUs.begin(), kLagBoundsUs.end(), lag);
    ++counters_.lag_buckets[static_cast<std::size_t>(bucket - kLagBoundsUs.begin())];
    const bool overlap = entry.overlap;
    unplan(entry);
    entry.started = now;
    if (entry.on_grid && !overlap) entry.grid = entry.planned_grid;
    const core::Micros young_until = now + limits_.young_us;
    young_.emplace(young_until, entry.id);
    ++in_flight_;
    const std::uint64_t number = ++entry.attempt;
    entry.running.push_back({number, young_until, nullptr});
    entry.running.back().probe =
        launcher_.launch(entry.scheduled.target,
                         [this, id = entry.id, number](const ProbeResult& result) { finished(id, number, result); });
    if (entry.running.size() == kMaxOverlap || entry.known_bad) return;
    plan(entry, now + entry.fast() + jitter(entry.fast()));
    entry.overlap = true;
}

void Scheduler::finished(Id id, std::uint64_t number, const ProbeResult& result) {
    const auto it = entries_.find(id);
    if (it == entries_.end()) return;
    auto& running = it->second->running;
    const auto attempt =
        std::find_if(running.begin(), running.end(), [&](const auto& a) { return a.number == number; });
    // Kept over the callback, which may remove the entry, and destroyed (with its socket) before the next attempt.
    Entry::Attempt ended = std::move(*attempt);
    running.erase(attempt);
    --in_flight_;
    if (ended.young_until != 0) young_.erase(young_.find({ended.young_until, id}));
    // This result decides the pace. A start that the end of another attempt planned was at no grid point yet.
    if (it->second->due != core::kNever && !it->second->overlap) it->second->on_grid = false;
    unplan(*it->second);
    const Pace pace = on_result_(result);
    if (const auto still = entries_.find(id); still != entries_.end()) {
        still->second->known_bad = !result.ok && pace == Pace::kNormal;
        // probe_now() or set_targets() in the callback may have planned an earlier start.
        if (still->second->due == core::kNever) plan_next(*still->second, pace);
    }
    leave_sweeps(id, number);
    ended.probe.reset();
    wake();
}

void Scheduler::leave_sweeps(Id id, std::uint64_t attempt) {
    for (auto sweep = sweeps_.begin(); sweep != sweeps_.end();) {
        const auto it = sweep->pending.find(id);
        if (it != sweep->pending.end() && it->second <= attempt) sweep->pending.erase(it);
        if (!sweep->pending.empty()) {
            ++sweep;
            continue;
        }
        if (sweep->done) ended_.push_back(std::move(sweep->done));
        sweep = sweeps_.erase(sweep);
    }
}

/// After a suspend, or when the loop was blocked: counts the missed starts and spreads the overdue ones.
void Scheduler::spread_after_standstill(core::Micros now) {
    ++counters_.resumed;
    std::vector<std::pair<core::Micros, Id>> overdue(due_.begin(), due_.lower_bound({now, 0}));
    for (const auto& [due, id] : overdue) {
        Entry& entry = *entries_.at(id);
        if (entry.overlap) {  // its running attempt ends now
            unplan(entry);
            continue;
        }
        const auto missed = static_cast<std::uint64_t>((now - due) / entry.interval());
        entry.missed += missed;
        counters_.missed += missed;
        entry.on_grid = false;
        plan(entry, now + static_cast<core::Micros>((entry.hash >> 20) % static_cast<std::uint64_t>(kSpreadAfter)));
    }
}

void Scheduler::wake() {
    const core::Micros now = clock_.mono_us();
    if (armed_for_ != core::kNever && now - armed_for_ > kStandstill) {
        armed_for_ = core::kNever;
        spread_after_standstill(now);
    }
    while (!young_.empty() && young_.begin()->first <= now) {
        for (auto& attempt : entries_.at(young_.begin()->second)->running) {
            if (attempt.young_until == young_.begin()->first) attempt.young_until = 0;
        }
        young_.erase(young_.begin());
    }
    while (!due_.empty() && due_.begin()->first <= now && !full()) {
        start(*entries_.at(due_.begin()->second), clock_.mono_us());
    }
    for (const auto& done : std::exchange(ended_, {}))
        done();
    rearm();
}

void Scheduler::rearm() {
    core::Micros next = core::kNever;
    if (!ended_.empty()) {
        next = clock_.mono_us();
    } else if (!due_.empty()) {
        next = due_.begin()->first;
        if (full() && next <= clock_.mono_us()) {
            // At the limits: wait for an attempt to end, which calls this again, or to become old.
            next = in_flight_ < limits_.in_flight && !young_.empty() ? young_.begin()->first : core::kNever;
        }
    }
    if (next == armed_for_ && timer_.pending()) return;
    armed_for_ = next;
    if (next == core::kNever) {
        timer_.stop();
    } else {
        timer_.start_at(next, [this] { wake(); });
    }
}

}  // namespace postern::probe
