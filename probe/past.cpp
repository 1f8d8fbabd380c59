// SPDX-License-Identifier: Apache-2.0
#include "probe/past.h"

#include <algorithm>
#include <bit>

namespace postern::probe {

namespace {

constexpr std::size_t kDays = 31;  // 30 whole ones reach into a 31st

core::Micros day_start(core::Micros wall_us) {
    return wall_us - wall_us % core::kDay;
}

bool counts(Reason reason) {
    return !is_local(reason) || reason == Reason::kTokenMissing;
}

}  // namespace

Past::Day& Past::day_of(core::Micros wall_us) {
    const core::Micros start = day_start(wall_us);
    auto at = std::lower_bound(days_.begin(), days_.end(), start,
                               [](const Day& day, core::Micros when) { return day.start_wall_us < when; });
    if (at != days_.end() && at->start_wall_us == start) return *at;
    Day fresh;
    fresh.start_wall_us = start;
    at = days_.insert(at, fresh);
    if (days_.size() <= kDays) return *at;
    // The clock may have been set: what is furthest from this day goes.
    const bool oldest = start - days_.front().start_wall_us >= days_.back().start_wall_us - start;
    days_.erase(oldest ? days_.begin() : days_.end() - 1);
    return *std::lower_bound(days_.begin(), days_.end(), start,
                             [](const Day& day, core::Micros when) { return day.start_wall_us < when; });
}

void Past::count(core::Micros wall_us, std::uint32_t attempts, std::uint32_t failures) {
    Day& day = day_of(wall_us);
    day.attempts += attempts;
    day.failures += failures;
    day.hours |= 1u << (wall_us % core::kDay / core::kHour);
}

/// `same`: it is known to go on, whatever time is between.
void Past::fail(core::Micros from_wall_us, core::Micros to_wall_us, std::uint32_t failures,
                std::span<const Reason> reasons, bool same) {
    const bool near = !incidents_.empty() && from_wall_us - incidents_.back().to_wall_us <= kIncidentGap &&
                      to_wall_us >= incidents_.back().from_wall_us;
    if (incidents_.empty() || !(same || near)) {
        if (incidents_.size() == kMaxIncidents) incidents_.erase(incidents_.begin());
        incidents_.push_back({from_wall_us, to_wall_us, 0, {}, false});
    }
    Incident& now = incidents_.back();
    now.to_wall_us = std::max(now.to_wall_us, to_wall_us);
    now.failures += failures;
    for (const Reason reason : reasons) {
        if (reason == Reason::kNone || std::find(now.reasons.begin(), now.reasons.end(), reason) != now.reasons.end())
            continue;
        const auto free = std::find(now.reasons.begin(), now.reasons.end(), Reason::kNone);
        if (free != now.reasons.end()) *free = reason;
    }
}

void Past::load(std::span<const Rollup> hours, std::span<const Record> failures) {
    Past live;
    std::swap(live, *this);
    // Of the hour in which the records begin some may be missing: then it is told as a whole.
    core::Micros exact_from = failures.empty() ? INT64_MAX : start_of(Resolution::kHour, failures.front().wall_us);
    for (const Rollup& hour : hours) {
        if (hour.attempts > 0) count(hour.start_wall_us, hour.attempts, hour.failures);
        if (hour.start_wall_us != exact_from) continue;
        const auto kept = std::count_if(failures.begin(), failures.end(), [&](const Record& r) {
            return start_of(Resolution::kHour, r.wall_us) == exact_from && counts(r.reason);
        });
        if (hour.failures > kept) exact_from += core::kHour;
    }
    for (const Rollup& hour : hours) {
        if (hour.failures == 0 || hour.start_wall_us >= exact_from) continue;
        std::array<Reason, kRollupReasons> reasons{};
        for (std::size_t i = 0; i < reasons.size(); ++i)
            reasons[i] = counts(hour.reasons[i].reason) ? hour.reasons[i].reason : Reason::kNone;
        fail(hour.start_wall_us, hour.start_wall_us + core::kHour, hour.failures, reasons, false);
    }
    for (const Record& r : failures) {
        if (r.wall_us >= exact_from && counts(r.reason)) fail(r.wall_us, r.wall_us, 1, {&r.reason, 1}, false);
    }
    for (const Day& day : live.days_) {
        Day& here = day_of(day.start_wall_us);
        here.attempts += day.attempts;
        here.failures += day.failures;
        here.hours |= day.hours;
    }
    for (const Incident& i : live.incidents_) {
        fail(i.from_wall_us, i.to_wall_us, i.failures, i.reasons, false);
        incidents_.back().open = i.open;
    }
    first_wall_us_ =
        days_.empty() || live.days_.empty() || day_start(live.first_wall_us_) == days_.front().start_wall_us
            ? live.first_wall_us_
            : 0;
}

void Past::began(core::Micros wall_us) {
    first_wall_us_ = wall_us;
}

void Past::add(const Record& record) {
    if (!counts(record.reason)) return;
    const bool failed = !record.ok && record.reason != Reason::kTokenMissing;
    if (days_.empty()) first_wall_us_ = record.wall_us;
    count(record.wall_us, 1, failed ? 1 : 0);
    const bool open = !incidents_.empty() && incidents_.back().open;
    if (failed) fail(record.wall_us, record.wall_us, 1, {&record.reason, 1}, open);
    if (!incidents_.empty()) incidents_.back().open = failed;
}

std::optional<Month> Past::month(core::Micros now_wall_us) const {
    Month out;
    const core::Micros from = now_wall_us - kPastLasts;
    for (const Day& day : days_) {
        if (day.start_wall_us + core::kDay <= from || day.start_wall_us > now_wall_us || day.hours == 0) continue;
        if (out.since_wall_us == 0) out.since_wall_us = day.start_wall_us + std::countr_zero(day.hours) * core::kHour;
        out.attempts += day.attempts;
        out.failures += day.failures;
        out.covered_us += std::popcount(day.hours) * core::kHour;
    }
    if (out.attempts == 0) return std::nullopt;
    if (first_wall_us_ > out.since_wall_us && first_wall_us_ < out.since_wall_us + core::kHour) {
        out.covered_us -= first_wall_us_ - out.since_wall_us;
        out.since_wall_us = first_wall_us_;
    }
    // The hour that is not over yet.
    const core::Micros hour = start_of(Resolution::kHour, now_wall_us);
    const auto today = std::find_if(days_.begin(), days_.end(),
                                    [&](const Day& day) { return day.start_wall_us == day_start(now_wall_us); });
    if (today != days_.end() && (today->hours >> (now_wall_us % core::kDay / core::kHour) & 1u) != 0)
        out.covered_us -= hour + core::kHour - now_wall_us;
    out.covered_us = std::clamp<core::Micros>(out.covered_us, 0, kPastLasts);
    return out;
}

std::vector<Incident> Past::incidents(core::Micros now_wall_us) const {
    std::vector<Incident> out;
    std::copy_if(incidents_.begin(), incidents_.end(), std::back_inserter(out), [&](const Incident& i) {
        return i.to_wall_us > now_wall_us - kPastLasts && i.from_wall_us <= now_wall_us;
    });
    return out;
}

}  // namespace postern::probe
