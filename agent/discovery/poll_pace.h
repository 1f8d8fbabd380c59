// SPDX-License-Identifier: Apache-2.0
// How long until a source of addresses is polled again: the configured interval, longer while nothing changes, never
// longer than the configured longest, and jittered, so that hosts started together do not stay in step. Loop thread.
#pragma once

#include "core/clock.h"
#include "core/random.h"

namespace postern::agent {

class PollPace {
  public:
    explicit PollPace(core::Random& random) : random_(random) {}

    void configure(core::Micros interval_us, core::Micros longest_us);
    core::Micros interval() const { return interval_; }
    core::Micros longest() const;

    /// For an API source that has been quiet (no change, no doubt) for `quiet_us`.
    core::Micros after_quiet(core::Micros quiet_us);
    /// For a source with its own interval, ±10 %.
    core::Micros spread(core::Micros interval_us);
    /// After an answer with a TTL: not before it expires, because a cache would return the same answer.
    core::Micros after_ttl(core::Micros ttl_us) { return ttl_us + up_to(ttl_us / 10); }
    /// After the API's pause for all hosts: spread over time.
    core::Micros after_pause(core::Micros pause_us) { return pause_us + up_to(interval_ / 4); }
    /// After a doubt about an address: random within half a minute, because a zone failure hits every host at once.
    core::Micros suspicion() { return up_to(doubled(kSuspicionSpread)); }
    /// After a refusal of our rate: half an interval after `pause_us`, and from there anywhere in a time that each refusal
    /// in a row doubles, as all hosts were refused at the same moment for the same time.
    core::Micros after_refusal(core::Micros pause_us) {
        return pause_us + interval_ / 2 + up_to(doubled(interval_) - interval_ / 2);
    }

    /// The API refused our rate.
    void refused();
    void answered();

  private:
    static constexpr core::Micros kSuspicionSpread = 30 * core::kSecond;

    /// `time` once for each refusal doubled, at most the longest interval.
    core::Micros doubled(core::Micros time) const;
    core::Micros up_to(core::Micros longest) {
        return static_cast<core::Micros>(random_.below(static_cast<std::uint64_t>(longest + 1)));
    }

    core::Random& random_;
    core::Micros interval_ = core::kMinute, longest_ = 5 * core::kMinute;
    int refusals_ = 0;
};

}  // namespace postern::agent
