// How long until a source of addresses is asked again: the configured interval, longer while nothing changes, stretched
// after refusals for our rate, and spread, so that hosts that were started together do not stay together. Loop thread.
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

    /// Of the API, for a source that has been quiet (no change, no doubt) for so long.
    core::Micros after_quiet(core::Micros quiet_us);
    /// Of a source with an interval of its own, ±10 %.
    core::Micros spread(core::Micros interval_us);
    /// After an answer with a TTL: never before it is over, which would only show the same copy of the same answer.
    core::Micros after_ttl(core::Micros ttl_us) { return ttl_us + up_to(ttl_us / 10); }
    /// After the API's pause for everyone is over: not all in its first moment.
    core::Micros after_pause(core::Micros pause_us) { return pause_us + up_to(interval_ / 4); }
    /// Doubts about an address: half a minute at random, as a zone that dies does so for every host at once.
    core::Micros suspicion();

    /// The API refused us for our rate: from now on the interval is stretched. How long until the next try, after `pause_us`.
    void refused();
    core::Micros after_refusal(core::Micros pause_us);
    /// It answered: the stretching eases.
    void answered();

  private:
    core::Micros stretched(core::Micros time) const {
        return static_cast<core::Micros>(static_cast<double>(time) * stretch_);
    }
    core::Micros up_to(core::Micros longest) {
        return static_cast<core::Micros>(random_.below(static_cast<std::uint64_t>(longest + 1)));
    }

    core::Random& random_;
    core::Micros interval_ = core::kMinute, longest_ = 5 * core::kMinute;
    double stretch_ = 1;
};

}  // namespace postern::agent
