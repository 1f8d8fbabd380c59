// SPDX-License-Identifier: Apache-2.0
// The times of one attempt. Every moment belongs to one phase, so the phases add up to the total exactly. A second
// leg (a redirect) adds to the same phases. Plain values.
#pragma once

#include <array>
#include <optional>

#include "core/clock.h"
#include "probe/probe_types.h"

namespace postern::probe {

/// A timer that fires this late means that the host was suspended or the loop blocked, not that the peer was late.
inline constexpr core::Micros kTimerLate = 500 * core::kMillisecond;

class PhaseClock {
  public:
    void begin(core::Micros now_us) { started_ = mark_ = now_us; }
    /// Adds the time since the last mark to `phase` and sets the mark to `at_us`; one before the mark counts
    /// as the mark.
    void end(Phase phase, core::Micros at_us) {
        const auto i = static_cast<std::size_t>(phase);
        if (i >= kTimedPhases) return;
        const core::Micros at = at_us > mark_ ? at_us : mark_;
        phase_us_[i] = phase_us_[i].value_or(0) + (at - mark_);
        mark_ = at;
    }
    core::Micros started_us() const { return started_; }
    core::Micros mark_us() const { return mark_; }
    core::Micros total_us() const { return mark_ - started_; }
    const std::array<std::optional<core::Micros>, kTimedPhases>& phases() const { return phase_us_; }

  private:
    core::Micros started_ = 0, mark_ = 0;
    std::array<std::optional<core::Micros>, kTimedPhases> phase_us_{};
};

}  // namespace postern::probe
