// SPDX-License-Identifier: Apache-2.0
// What a person has asked to leave out of the answers for a time (`postern drain`): zones and addresses, each until its
// time is over. What that does to an answer is answer_policy's. Owned by Steering, loop thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/endpoint/endpoint_set.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ip_address.h"
#include "core/message.h"

namespace postern::agent {

inline constexpr core::Micros kMinDrain = core::kMinute, kMaxDrain = 3 * core::kDay;
inline constexpr std::size_t kMaxDrains = 32;
inline constexpr std::size_t kMaxDrainReason = 200;  // bytes

/// One address, or every address of a zone, also one that is discovered later.
struct DrainTarget {
    std::string zone;
    std::optional<core::IpAddress> ip;  // instead of a zone

    /// kUsage: neither an address nor a zone.
    static core::Result<DrainTarget> parse(std::string_view text);
    std::string text() const { return ip ? ip->text() : zone; }
    bool covers(const EndpointAddress& address) const { return ip ? address.ip == *ip : address.zone == zone; }
    bool operator==(const DrainTarget&) const = default;
};

struct Drain {
    DrainTarget target;
    core::Micros began_wall_us = 0, until_wall_us = 0;
    std::string reason;  // "": none was given
    bool free = false;   // idle and stuck connections to it are ended
    bool operator==(const Drain&) const = default;
};

/// "" if a person may ask for that, else what is wrong.
core::Message check_drain(core::Micros for_us, std::string_view reason);

class Drains {
  public:
    explicit Drains(const core::Clock& clock) : clock_(clock) {}

    /// Replaces the drain of the same target. kUsage: check_drain() objects, or there are too many.
    core::Result<void> add(const DrainTarget& target, core::Micros for_us, std::string reason, bool free = false);
    /// False: it was not drained.
    bool remove(const DrainTarget& target);
    void clear() { entries_.clear(); }
    /// Those of an earlier run, until their time by the wall clock. A clock that is behind makes none of them longer
    /// than it was asked for. Returns those whose time was over.
    std::vector<Drain> restore(const std::vector<Drain>& saved);
    /// Removes those whose time is over, and returns them.
    std::vector<Drain> take_ended();

    bool covers(const EndpointAddress& address) const;
    /// Whether a drain of it asks to end connections.
    bool frees(const EndpointAddress& address) const;
    /// In the order of their beginning.
    std::vector<Drain> list() const;
    std::optional<core::Micros> next_end_mono_us() const;

  private:
    /// Time is counted on the monotonic clock: a step of the wall clock neither ends nor prolongs a drain.
    struct Entry {
        DrainTarget target;
        core::Micros length_us, end_mono_us;
        std::string reason;
        bool free;
    };
    Drain as_drain(const Entry& entry) const;

    const core::Clock& clock_;
    std::vector<Entry> entries_;
};

}  // namespace postern::agent
