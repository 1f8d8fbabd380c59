// SPDX-License-Identifier: Apache-2.0
#include "probe/success_rate.h"

#include <algorithm>
#include <cmath>

namespace postern::probe {
namespace {

constexpr double kDeviations = 3;
constexpr double kUnlikely = 0.01;

/// Wilson's score interval of the share of failures: its lower (-1) or upper (+1) bound.
double failures_bound(const Share& share, int side) {
    if (share.tried == 0) return side < 0 ? 0 : 1;
    const double n = share.tried, p = share.failed() / n, z2 = kDeviations * kDeviations;
    const double middle = p + z2 / (2 * n);
    const double half = kDeviations * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    return (middle + side * half) / (1 + z2 / n);
}

}  // namespace

void SuccessRate::add(core::Micros now_mono_us, bool passed) {
    attempts_.emplace_back(now_mono_us, passed);
    ++share_.tried;
    share_.passed += passed ? 1 : 0;
    run_ = passed ? run_ + 1 : 0;
    auto kept = attempts_.begin();
    for (; attempts_.end() - kept > kMaxRateAttempts || now_mono_us - kept->first > kRateWindow; ++kept)
        share_ -= {kept->second ? 1 : 0, 1};
    attempts_.erase(attempts_.begin(), kept);
    run_ = std::min(run_, share_.tried);
    if (share_.failed() == 0 || !passed) return;
    // Laplace's estimate: a few failures alone are not a rate of 0.
    const double before = static_cast<double>(share_.passed - run_ + 1) / (share_.tried - run_ + 2);
    if (std::pow(before, run_) >= kUnlikely) return;
    attempts_.erase(attempts_.begin(), attempts_.end() - run_);
    share_ = {run_, run_};
}

bool is_below(const Share& own, const Share& peers) {
    return peers.tried > 0 && failures_bound(own, -1) > failures_bound(peers, +1);
}

bool is_partial(const Share& own, const Share& peers) {
    return failures_bound(own, -1) > kToleratedFailures || is_below(own, peers);
}

}  // namespace postern::probe
