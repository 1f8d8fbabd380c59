// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/poll_pace.h"

#include <algorithm>

namespace postern::agent {
namespace {

using core::Micros;

constexpr Micros kMaxStretch = 30 * core::kMinute;
// Doubled by each rate refusal, reduced by each success: hosts that share a quota settle slightly above it instead of
// retrying in step.
constexpr double kEase = 0.95, kMaxStretchFactor = 32;
constexpr Micros kRestless = core::kHour;  // after a change the configured interval applies for this long
constexpr int kStretchPart = 60;           // then it grows by a sixtieth of the quiet time
constexpr Micros kSuspicionSpread = 30 * core::kSecond;

}  // namespace

void PollPace::configure(Micros interval_us, Micros longest_us) {
    interval_ = interval_us;
    longest_ = longest_us;
}

Micros PollPace::longest() const {
    return std::max(interval_, longest_);
}

Micros PollPace::after_quiet(Micros quiet_us) {
    const Micros whole = std::min(longest(), interval_ + std::max<Micros>(quiet_us - kRestless, 0) / kStretchPart);
    return spread(std::min(stretched(whole), std::max(kMaxStretch, whole)));
}

Micros PollPace::spread(Micros interval_us) {
    return interval_us * 9 / 10 + up_to(interval_us / 5);
}

Micros PollPace::suspicion() {
    return up_to(stretched(kSuspicionSpread));
}

void PollPace::refused() {
    stretch_ = std::min(stretch_ * 2, kMaxStretchFactor);
}

Micros PollPace::after_refusal(Micros pause_us) {
    // Anywhere in the stretched interval: all hosts were refused at the same moment, for the same time.
    return pause_us + up_to(std::min(stretched(interval_), std::max(kMaxStretch, interval_)));
}

void PollPace::answered() {
    stretch_ = std::max(1.0, stretch_ * kEase);
}

}  // namespace postern::agent
