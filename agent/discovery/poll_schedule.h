// SPDX-License-Identifier: Apache-2.0
// When each source is polled, a few at a time. A source waits for its due time or is being polled, and nothing else: so
// whatever happens it has a next poll. One timer for all, that of the earliest due time. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"

namespace postern::agent {

class PollSchedule {
  public:
    /// Begins the poll with that number; ended() tells its end, from inside this call or later.
    using Begin = std::function<void(const std::string& key, std::uint64_t poll)>;

    PollSchedule(core::Clock& clock, Begin begin);

    /// Polls begin, from the clock, never inside a call of these functions.
    void start();
    /// No more polls begin. Those under way still end.
    void stop();
    bool running() const { return running_; }

    /// A source that is due at once. One that is there already stays as it is.
    void add(const std::string& key);
    /// The end of its poll under way does not count any more.
    void remove(const std::string& key);

    /// A poll begins at that monotonic time at the latest. One that is under way is not it: another follows.
    void poll_by(const std::string& key, core::Micros when_mono_us);
    /// True until ended() is called, or the source is removed, or the poll is given up.
    bool is_current(const std::string& key, std::uint64_t poll) const;
    /// Ends a poll that is current: the next one begins at `next_mono_us`, or as poll_by() has asked for meanwhile.
    void ended(const std::string& key, std::uint64_t poll, core::Micros next_mono_us);

    /// Monotonic time of the last poll's begin; 0: none yet.
    core::Micros began(const std::string& key) const;
    /// When the next poll is due; kNever: after the one under way.
    core::Micros due(const std::string& key) const;
    std::size_t under_way() const { return under_way_; }

    /// Sources whose poll has not ended for kLongestPoll, or that wait that long with a free slot. Neither can happen
    /// without a fault in this program. They are due at once. To be called every minute; after a longer silence the host
    /// was suspended, and nothing is overdue.
    std::vector<std::string> restart_overdue();

    static constexpr core::Micros kLongestPoll =
        30 * core::kMinute;                      // a search of many endpoints under throttling takes minutes
    static constexpr std::size_t kParallel = 4;  // a hundred sources at the start must not be a burst

  private:
    struct Source {
        core::Micros due = 0;    // of the next poll; kNever while one is under way and no other was asked for
        core::Micros began = 0;  // of the last poll; 0: none yet
        std::uint64_t poll = 0;  // under way; 0: none
    };

    void arm();
    void begin_due();

    core::Clock& clock_;
    Begin begin_;
    core::Timer timer_;
    std::map<std::string, Source> sources_;
    std::size_t under_way_ = 0;
    std::uint64_t next_poll_ = 1;
    core::Micros last_look_ = 0;
    bool running_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // begin_() may destroy this object
};

}  // namespace postern::agent
