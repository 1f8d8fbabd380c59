// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/poll_pace.h"

#include <algorithm>

namespace postern::agent {
namespace {

using core::Micros;

// After a change the configured interval applies for some minutes, then it grows by half of the quiet time: a fleet
// whose hosts all saw the same change must leave the quota to those that have not seen it yet.
constexpr Micros kRestless = 2 * core::kMinute;
constexpr int kStretchPart = 2;
constexpr int kMaxRefusals = 8;

}  // namespace

void PollPace::configure(Micros interval_us, Micros longest_us) {
    interval_ = interval_us;
    longest_ = longest_us;
}

Micros PollPace::longest() const {
    return std::max(interval_, longest_);
}

Micros PollPace::after_quiet(Micros quiet_us) {
    const Micros whole =
        refusals_ > 0 ? longest() : interval_ + std::max<Micros>(quiet_us - kRestless, 0) / kStretchPart;
    return spread(std::min(whole, longest() / 11 * 10));  // a tenth more is the longest
}

Micros PollPace::spread(Micros interval_us) {
    return interval_us * 9 / 10 + up_to(interval_us / 5);
}

Micros PollPace::doubled(Micros time) const {
    for (int i = 0; i < refusals_ && time < longest(); ++i)
        time *= 2;
    return std::min(time, longest());
}

void PollPace::refused() {
    refusals_ = std::min(refusals_ + 1, kMaxRefusals);
}

void PollPace::answered() {
    refusals_ /= 2;
}

}  // namespace postern::agent
