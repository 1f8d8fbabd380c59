// Exponential backoff with jitter: delays grow from `first` by doubling to `longest`, each drawn from [half, whole].
#pragma once

#include <algorithm>

#include "core/clock.h"
#include "core/random.h"

namespace postern::core {

class Backoff {
  public:
    Backoff(Micros first, Micros longest) : first_(first), longest_(longest), current_(first) {}
    Micros next(Random& random) {
        const Micros whole = current_;
        current_ = std::min(longest_, current_ * 2);
        return whole / 2 + static_cast<Micros>(random.below(static_cast<std::uint64_t>(whole / 2 + 1)));
    }
    void reset() { current_ = first_; }
    bool fresh() const { return current_ == first_; }

  private:
    Micros first_, longest_, current_;
};

}  // namespace postern::core
