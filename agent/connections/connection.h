// SPDX-License-Identifier: Apache-2.0
// One TCP connection of this host as the kernel describes it, and whether it is stuck. Values and pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/clock.h"
#include "core/ip_address.h"

namespace postern::agent {

using core::Micros;

/// The kernel's eleven states, in the groups that matter to an application.
enum class TcpState {
    kConnecting,  // SYN sent
    kEstablished,
    kCloseWait,  // the peer has closed, the program has not
    kClosing,    // the program has closed one direction
    kCount,
};
inline constexpr std::size_t kTcpStates = static_cast<std::size_t>(TcpState::kCount);
std::string_view to_string(TcpState state);  // "close_wait"

/// The kernel's timer that runs for a connection.
enum class TcpTimer { kNone, kRetransmit, kKeepalive, kWindowProbe };

/// The kernel's name of a socket: with its cookie no later one has the same.
struct SocketId {
    std::uint8_t family = 0;             // AF_INET or AF_INET6, as listed
    std::array<std::uint8_t, 48> raw{};  // inet_diag_sockid
};

struct Connection {
    SocketId id;
    core::IpAddress remote;  // an IPv4 address where the socket is an IPv6 one that talks IPv4
    std::uint16_t remote_port = 0;
    std::uint32_t uid = 0, inode = 0;  // inode 0: no program holds it
    TcpState state = TcpState::kEstablished;
    TcpTimer timer = TcpTimer::kNone;
    bool measured = false;       // the fields below are known
    std::uint32_t timeouts = 0;  // retransmission timeouts in a row
    std::uint32_t backoff = 0;   // how often the timeout was doubled since
    Micros timeout_us = 0;       // the present retransmission timeout
    std::uint32_t unacked = 0;   // segments without an acknowledgement
    std::uint64_t unacked_bytes = 0;
    std::uint64_t unread_bytes = 0, unsent_bytes = 0;  // that the program has not read; that wait to be sent
    Micros rtt_us = 0;                                 // smoothed; 0: not measured yet
    Micros last_ack_us = 0;                            // since the last acknowledgement
    Micros last_sent_us = 0;                           // since data was last sent, retransmissions included
    Micros last_received_us = 0;                       // since data was last received
};

inline constexpr std::uint32_t kStuckTimeouts = 3;
inline constexpr Micros kStuckSilence = 5 * core::kSecond;
inline constexpr Micros kIdleQuiet = 30 * core::kSecond;        // between two requests a program pauses for less
inline constexpr Micros kUnansweredQuiet = 10 * core::kMinute;  // longer than any connector waits for an answer

/// Data is on the way, the kernel has repeated it at least kStuckTimeouts times, and nothing was acknowledged for
/// kStuckSilence.
bool is_stuck(const Connection& connection);
/// For how long at least: the timeouts that have passed, and no longer than nothing was acknowledged (a connection that
/// idled before has an old acknowledgement, too). 0 for one that is not stuck.
Micros stuck_for(const Connection& connection);
/// Kept for later, as far as the kernel can tell: everything sent is acknowledged, everything received is read, the last
/// data came from the peer (an answer, not a request that waits for one), and nothing moved for kIdleQuiet; or for
/// kUnansweredQuiet, where the kernel's clock does not tell which came last.
bool is_idle(const Connection& connection);
/// The kernel has begun to repeat what it sent: more than the one timeout of a lost last segment.
bool times_out(const Connection& connection);
/// Open, nothing received for half a minute, and no timer runs: the kernel would never notice that the peer is gone.
bool lacks_keepalive(const Connection& connection);

}  // namespace postern::agent
