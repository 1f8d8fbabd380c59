// SPDX-License-Identifier: Apache-2.0
// How many of an address's last attempts passed, beside the streaks: a part of them that fails never makes a streak.
// Judged with the bounds of Wilson's score interval, so that few attempts prove nothing.
#pragma once

#include <utility>
#include <vector>

#include "core/clock.h"

namespace postern::probe {

inline constexpr core::Micros kRateWindow = 5 * core::kMinute;
inline constexpr int kMaxRateAttempts = 300;
/// The share of failed attempts that a good address may have.
inline constexpr double kToleratedFailures = 0.1;

struct Share {
    int passed = 0, tried = 0;
    int failed() const { return tried - passed; }
    /// 1 without attempts.
    double value() const { return tried == 0 ? 1 : static_cast<double>(passed) / tried; }
    bool operator==(const Share&) const = default;
    Share& operator+=(const Share& other) {
        passed += other.passed;
        tried += other.tried;
        return *this;
    }
    Share& operator-=(const Share& other) {
        passed -= other.passed;
        tried -= other.tried;
        return *this;
    }
};

class SuccessRate {
  public:
    /// Forgets what is older than kRateWindow, and the failures before so many passes in a row as are unlikely (1 %) at
    /// the rate before them.
    void add(core::Micros now_mono_us, bool passed);
    const Share& share() const { return share_; }

  private:
    std::vector<std::pair<core::Micros, bool>> attempts_;
    Share share_;
    int run_ = 0;  // passes in a row, the last ones
};

/// True where failures are certainly (three standard deviations) more than kToleratedFailures, or than those of `peers`.
bool is_partial(const Share& own, const Share& peers);
/// True where they are certainly more than those of `peers`; false without attempts of peers.
bool is_below(const Share& own, const Share& peers);

}  // namespace postern::probe
