// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/poll_schedule.h"

#include <algorithm>
#include <utility>

namespace postern::agent {

using core::kNever;
using core::Micros;

PollSchedule::PollSchedule(core::Clock& clock, Begin begin) : clock_(clock), begin_(std::move(begin)), timer_(clock) {}

void PollSchedule::start() {
    running_ = true;
    arm();
}

void PollSchedule::stop() {
    running_ = false;
    timer_.stop();
}

void PollSchedule::add(const std::string& key) {
    if (!sources_.emplace(key, Source{.due = clock_.mono_us()}).second) return;
    arm();
}

void PollSchedule::remove(const std::string& key) {
    const auto node = sources_.extract(key);
    if (node.empty() || node.mapped().poll == 0) return;
    --under_way_;
    arm();
}

void PollSchedule::poll_by(const std::string& key, Micros when_mono_us) {
    const auto it = sources_.find(key);
    if (it == sources_.end() || it->second.due <= when_mono_us) return;
    it->second.due = std::max(when_mono_us, clock_.mono_us());
    arm();
}

bool PollSchedule::is_current(const std::string& key, std::uint64_t poll) const {
    const auto it = sources_.find(key);
    return it != sources_.end() && poll != 0 && it->second.poll == poll;
}

void PollSchedule::ended(const std::string& key, std::uint64_t poll, Micros next_mono_us) {
    if (!is_current(key, poll)) return;
    Source& source = sources_.at(key);
    source.poll = 0;
    source.due = std::min(source.due, next_mono_us);
    --under_way_;
    arm();
}

Micros PollSchedule::began(const std::string& key) const {
    const auto it = sources_.find(key);
    return it == sources_.end() ? 0 : it->second.began;
}

Micros PollSchedule::due(const std::string& key) const {
    const auto it = sources_.find(key);
    return it == sources_.end() ? kNever : it->second.due;
}

std::vector<std::string> PollSchedule::restart_overdue() {
    std::vector<std::string> out;
    const Micros now = clock_.mono_us(), late = now - kLongestPoll;
    const bool slot_free = under_way_ < kParallel;
    if (now - std::exchange(last_look_, now) > 2 * core::kMinute) return out;
    for (auto& [key, source] : sources_) {
        const bool waits = slot_free && source.due < late;
        if (!running_ || !(source.poll != 0 ? source.began < late : waits)) continue;
        if (std::exchange(source.poll, 0) != 0) --under_way_;
        source.due = now;
        out.push_back(key);
    }
    if (!out.empty()) arm();
    return out;
}

void PollSchedule::arm() {
    Micros next = kNever;
    for (const auto& [key, source] : sources_) {
        if (source.poll == 0) next = std::min(next, source.due);
    }
    if (!running_ || next == kNever || under_way_ >= kParallel) return timer_.stop();
    timer_.start_at(next, [this] { begin_due(); });
}

void PollSchedule::begin_due() {
    const Micros now = clock_.mono_us();
    std::vector<std::pair<Micros, std::string>> due;
    for (const auto& [key, source] : sources_) {
        if (source.poll == 0 && source.due <= now) due.emplace_back(source.due, key);
    }
    std::sort(due.begin(), due.end());
    const std::weak_ptr<bool> alive = alive_;
    for (const auto& [when, key] : due) {
        if (under_way_ >= kParallel || !running_) break;
        const auto it = sources_.find(key);  // a poll that ended inside begin_() may have changed everything
        if (it == sources_.end() || it->second.poll != 0 || it->second.due > now) continue;
        it->second.due = kNever;
        it->second.began = now;
        const std::uint64_t poll = it->second.poll = next_poll_++;
        ++under_way_;
        begin_(key, poll);
        if (alive.expired()) return;
    }
    arm();
}

}  // namespace postern::agent
