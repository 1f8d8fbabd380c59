// SPDX-License-Identifier: Apache-2.0
#include "probe/rollup.h"

#include <algorithm>

namespace postern::probe {

void RollupBuilder::begin(core::Micros start_wall_us) {
    *this = {};
    start_wall_us_ = start_wall_us;
}

void RollupBuilder::resume(const Rollup& rollup) {
    begin(rollup.start_wall_us);
    attempts_ = rollup.attempts;
    failures_ = rollup.failures;
    for (const ReasonCount& r : rollup.reasons) {
        if (r.reason != Reason::kNone) count(r.reason, r.count);
    }
    for (std::size_t i = 0; i < kSeries; ++i) {
        // The number of attempts that completed this phase is not stored; assume all of them if any did.
        if (rollup.series[i]) series_[i].add(*rollup.series[i], std::max(1u, rollup.attempts));
    }
}

void RollupBuilder::count(Reason reason, std::uint32_t n) {
    for (ReasonCount& r : reasons_) {
        if (r.reason == reason) {
            r.count += n;
            return;
        }
    }
    reasons_.push_back({reason, n});
}

void RollupBuilder::add(const Record& record) {
    const bool no_token = record.reason == Reason::kTokenMissing;
    if (!record.ok) count(record.reason, 1);
    if (is_local(record.reason) && !no_token) return;
    ++attempts_;
    if (!record.ok && !no_token) ++failures_;
    const auto struck = static_cast<std::size_t>(record.ok ? Phase::kCount : record.phase);
    for (std::size_t i = 0; i < std::min(struck, kTimedPhases); ++i) {
        if (record.phase_us[i]) series_[i].add(*record.phase_us[i]);
    }
    if (struck >= kTimedPhases) series_[kTotal].add(record.total_us);
}

Rollup RollupBuilder::rollup() const {
    Rollup out;
    out.start_wall_us = start_wall_us_;
    out.attempts = attempts_;
    out.failures = failures_;
    auto reasons = reasons_;
    std::stable_sort(reasons.begin(), reasons.end(), [](auto& a, auto& b) { return a.count > b.count; });
    std::copy_n(reasons.begin(), std::min(reasons.size(), kRollupReasons), out.reasons.begin());
    for (std::size_t i = 0; i < kSeries; ++i)
        out.series[i] = series_[i].spread();
    return out;
}

}  // namespace postern::probe
