// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/connection.h"

#include <algorithm>
#include <limits>

namespace postern::agent {

namespace {

constexpr Micros kMinTimeout = 200 * core::kMillisecond;  // the kernel's TCP_RTO_MIN
constexpr std::uint32_t kMaxDoublings = 40;
constexpr Micros kTick = 10 * core::kMillisecond;  // of the kernel's clock, at CONFIG_HZ=100

/// Each timeout was twice the one before, up to the present one; a timeout at the kernel's upper limit does not show how
/// many were as long, so the first one is taken as short as it can have been.
Micros timeouts_passed(const Connection& c) {
    const std::uint32_t doublings = std::min(c.backoff, kMaxDoublings);
    Micros timeout = std::max(kMinTimeout, c.timeout_us >> doublings), passed = 0;
    for (std::uint32_t i = 0; i < doublings; ++i) {
        passed += std::min(c.timeout_us, timeout);
        timeout = std::min(c.timeout_us, 2 * timeout);
    }
    return passed;
}

/// Since the last acknowledgement; while connecting there was none, and the kernel counts from the boot.
Micros silence(const Connection& c) {
    return c.state == TcpState::kConnecting ? timeouts_passed(c) : c.last_ack_us;
}

}  // namespace

std::string_view to_string(TcpState state) {
    switch (state) {
        case TcpState::kConnecting:
            return "connecting";
        case TcpState::kEstablished:
            return "established";
        case TcpState::kCloseWait:
            return "close_wait";
        case TcpState::kClosing:
            return "closing";
        case TcpState::kCount:
            break;
    }
    return "established";
}

bool is_stuck(const Connection& c) {
    return c.measured && c.unacked > 0 && c.timeouts >= kStuckTimeouts && silence(c) >= kStuckSilence;
}

Micros stuck_for(const Connection& c) {
    if (!is_stuck(c)) return 0;
    // A connection that idled before has an old acknowledgement, too.
    return c.state == TcpState::kConnecting ? silence(c) : std::min(c.last_ack_us, timeouts_passed(c) + c.last_sent_us);
}

bool is_idle(const Connection& c) {
    const bool nothing_moves =
        c.measured && c.state == TcpState::kEstablished && c.unacked == 0 && c.unsent_bytes == 0 && c.unread_bytes == 0;
    const Micros quiet = std::min(c.last_sent_us, c.last_received_us);
    const Micros needed = c.last_received_us + kTick <= c.last_sent_us  ? kIdleQuiet
                          : c.last_received_us < c.last_sent_us + kTick ? kUnansweredQuiet
                                                                        : std::numeric_limits<Micros>::max();
    return nothing_moves && quiet >= needed;
}

bool times_out(const Connection& c) {
    return c.measured && c.unacked > 0 && c.timeouts > 1;
}

bool lacks_keepalive(const Connection& c) {
    return c.measured && c.state == TcpState::kEstablished && c.timer == TcpTimer::kNone && c.unacked == 0 &&
           c.last_ack_us >= kIdleQuiet;
}

}  // namespace postern::agent
