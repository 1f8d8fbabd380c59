// SPDX-License-Identifier: Apache-2.0
// Exponential backoff with jitter: delays double from `first` up to `max`, each drawn from [half, whole].
#pragma once

#include <algorithm>

#include "core/clock.h"
#include "core/random.h"

namespace postern::core {

class Backoff {
  public:
    Backoff(Micros first, Micros max) : first_(first), max_(max), current_(first) {}
    /// The delay before the next attempt.
    Micros next(Random& random) {
        const Micros whole = current_;
        current_ = std::min(max_, current_ * 2);
        return whole / 2 + static_cast<Micros>(random.below(static_cast<std::uint64_t>(whole / 2 + 1)));
    }
    /// After a success: the next delay is `first` again.
    void reset() { current_ = first_; }
    /// No delay was drawn since the start or the last reset().
    bool fresh() const { return current_ == first_; }

  private:
    Micros first_, max_, current_;
};

}  // namespace postern::core
