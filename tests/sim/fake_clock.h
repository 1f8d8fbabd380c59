// SPDX-License-Identifier: Apache-2.0
// A clock whose time the tests set. advance() fires the alarms in order, at their times.
#pragma once

#include <map>
#include <unordered_map>
#include <utility>

#include "core/clock.h"

namespace postern::test {

class FakeClock final : public core::Clock {
  public:
    explicit FakeClock(core::Micros mono_us = 1000 * core::kSecond, core::Micros wall_us = 1767323045LL * core::kSecond)
        : mono_(mono_us), wall_offset_(wall_us - mono_us) {}

    core::Micros mono_us() const override { return mono_; }
    core::Micros wall_us() const override { return mono_ + wall_offset_; }
    AlarmId set_alarm(core::Micros when_mono_us, std::function<void()> fn) override {
        const AlarmId id = next_id_++;
        alarms_.emplace(std::pair{when_mono_us, id}, std::move(fn));
        due_.emplace(id, when_mono_us);
        return id;
    }
    void cancel_alarm(AlarmId id) override {
        const auto due = due_.extract(id);
        if (!due.empty()) alarms_.erase({due.mapped(), id});
    }

    /// Advances the time, and fires the alarms on the way at their times.
    void advance(core::Micros by) {
        const core::Micros end = mono_ + by;
        while (!alarms_.empty() && alarms_.begin()->first.first <= end) {
            auto node = alarms_.extract(alarms_.begin());
            due_.erase(node.key().second);
            if (node.key().first > mono_) mono_ = node.key().first;
            node.mapped()();
        }
        mono_ = end;
    }
    /// The host sleeps: what became due meanwhile fires at the next advance().
    void suspend(core::Micros by) { mono_ += by; }
    /// The wall clock jumps (NTP step, resume); monotonic time does not.
    void jump_wall(core::Micros by) { wall_offset_ += by; }
    bool idle() const { return alarms_.empty(); }
    std::size_t alarms() const { return alarms_.size(); }
    /// When the next alarm is due, kNever if none.
    core::Micros next_alarm() const { return alarms_.empty() ? core::kNever : alarms_.begin()->first.first; }

  private:
    core::Micros mono_;
    core::Micros wall_offset_;
    AlarmId next_id_ = 1;
    std::map<std::pair<core::Micros, AlarmId>, std::function<void()>> alarms_;
    std::unordered_map<AlarmId, core::Micros> due_;  // of each alarm: a fleet's simulation cancels many of thousands
};

}  // namespace postern::test
