// SPDX-License-Identifier: Apache-2.0
// Connections, summed up by the address that they go to and by the user whose program has them. Pure; bounded by the
// number of targets, not of connections.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/connections/connection.h"
#include "core/ip_address.h"

namespace postern::agent {

/// An address that connections are counted for.
struct ConnectionTarget {
    std::string link;
    core::SocketAddress address;
    bool bypass = false;  // the public gateway's: such a connection does not use the link
    auto operator<=>(const ConnectionTarget&) const =
        default;  // NOLINT(modernize-use-nullptr,readability-implicit-bool-conversion)
};

/// One whose lost connections are to be ended (agent/freeing).
struct FreeTarget {
    ConnectionTarget target;
    bool idle = false;  // idle ones, too
};

/// Upper bounds; the last bucket of a histogram is +Inf.
inline constexpr std::array<Micros, 12> kRttBoundsUs{100,   250,   500,    1000,   2500,   5000,
                                                     10000, 25000, 100000, 250000, 500000, 1000000};
inline constexpr std::array<std::uint32_t, 7> kTimeoutBounds{0, 1, 2, 3, 5, 8, 12};

struct ConnectionCounts {
    std::array<std::uint32_t, kTcpStates> states{};
    std::uint32_t stuck = 0, idle = 0, timing_out = 0, without_keepalive = 0;
    std::uint32_t timeouts_max = 0;  // in a row, of one connection
    std::uint64_t unacked_bytes = 0;
    Micros stuck_for_us = 0;  // the longest
    Micros last_ack_us = 0;   // the longest time since an acknowledgement of those with data on the way
    Micros rtt_max_us = 0;

    std::uint32_t total() const;
    void add(const Connection& connection);
    void add(const ConnectionCounts& other);
};

struct UserCounts {
    std::uint32_t uid = 0;
    ConnectionCounts counts;
};

/// How the connections of one look are distributed; one sample for each connection.
struct ConnectionHistograms {
    std::array<std::uint64_t, kRttBoundsUs.size() + 1> rtt{};
    std::array<std::uint64_t, kTimeoutBounds.size() + 1> timeouts{};
    Micros rtt_sum_us = 0;
    std::uint64_t timeouts_sum = 0;

    void add(const Connection& connection);
    void add(const ConnectionHistograms& other);
};

struct TargetConnections {
    ConnectionTarget target;
    ConnectionCounts all;
    std::vector<UserCounts> users;  // most stuck first, then most connections; at most kMaxShownUsers
    std::size_t more_users = 0;     // not in `users`
    ConnectionHistograms histograms;
};
inline constexpr std::size_t kMaxShownUsers = 16;
inline constexpr std::size_t kMaxCountedUsers = 1024;  // of a target; those after it count without their user

class ConnectionSummary {
  public:
    explicit ConnectionSummary(const std::vector<ConnectionTarget>& targets);
    /// Ignored if it goes to none of the targets, or if no program holds it.
    void add(const Connection& connection);
    /// In the order of the targets.
    std::vector<TargetConnections> take();

  private:
    struct Target {
        TargetConnections seen;
        std::map<std::uint32_t, ConnectionCounts> users;
        bool too_many_users = false;
    };
    std::vector<Target> targets_;
    std::multimap<std::pair<core::IpAddress, std::uint16_t>, std::size_t> by_address_;
};

}  // namespace postern::agent
