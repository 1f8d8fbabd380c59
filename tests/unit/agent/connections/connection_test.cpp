// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/connection.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kMillisecond;
using core::kSecond;

namespace {

Connection stuck() {
    Connection c;
    c.measured = true;
    c.unacked = 1;
    c.timeouts = c.backoff = 5;
    c.timeout_us = 32 * 200 * kMillisecond;
    c.last_ack_us = core::kHour;
    c.last_sent_us = kSecond;
    c.timer = TcpTimer::kRetransmit;
    return c;
}

}  // namespace

TEST_CASE("connections: stuck is data on the way, three timeouts and silence for five seconds", "[connections]") {
    CHECK(is_stuck(stuck()));
    auto c = stuck();
    c.unacked = 0;
    CHECK_FALSE(is_stuck(c));
    c = stuck();
    c.timeouts = 2;
    CHECK_FALSE(is_stuck(c));
    c.timeouts = 3;
    CHECK(is_stuck(c));
    c.last_ack_us = 5 * kSecond - 1;
    CHECK_FALSE(is_stuck(c));
    c.last_ack_us = 5 * kSecond;
    CHECK(is_stuck(c));
    c.measured = false;  // the kernel said nothing about it
    CHECK_FALSE(is_stuck(c));
    CHECK(stuck_for(c) == 0);
}

TEST_CASE("connections: one that is being made counts its timeouts, not the time since the boot", "[connections]") {
    auto c = stuck();
    c.state = TcpState::kConnecting;
    c.last_ack_us = c.last_sent_us = 15 * core::kHour;  // the kernel's clock at its beginning
    c.timeouts = c.backoff = 3;
    c.timeout_us = 8 * kSecond;
    CHECK(is_stuck(c));
    CHECK(stuck_for(c) == 7 * kSecond);  // 1 + 2 + 4
    c.timeout_us = 1600 * kMillisecond;
    CHECK_FALSE(is_stuck(c));  // 0.2 + 0.4 + 0.8 s
}

TEST_CASE("connections: how long one is stuck does not count the time that it idled before", "[connections]") {
    // 0.2 + 0.4 + 0.8 + 1.6 + 3.2 s of timeouts, and a second since the last repetition.
    CHECK(stuck_for(stuck()) == 7200 * kMillisecond);
    auto c = stuck();
    c.last_ack_us = 6 * kSecond;  // it was acknowledged meanwhile
    CHECK(stuck_for(c) == 6 * kSecond);

    // At the upper limit of the timeout: ten doublings from 0.2 s, cut at 120 s, then 120 s each.
    c = stuck();
    c.backoff = c.timeouts = 14;
    c.timeout_us = 120 * kSecond;
    c.last_sent_us = 50 * kSecond;
    CHECK(stuck_for(c) == 1023 * 200 * kMillisecond + 4 * 120 * kSecond + 50 * kSecond);

    // Kernels with a lower limit (tcp_rto_max_ms).
    c.timeout_us = 10 * kSecond;
    CHECK(stuck_for(c) == 63 * 200 * kMillisecond + 8 * 10 * kSecond + 50 * kSecond);

    c.backoff = 0xffffffff;  // whatever the kernel says
    c.timeout_us = INT32_MAX;
    c.last_sent_us = 0;
    CHECK(stuck_for(c) == core::kHour);
}

TEST_CASE("connections: one timeout is no evidence, two are", "[connections]") {
    auto c = stuck();
    c.timeouts = 1;
    CHECK_FALSE(times_out(c));
    c.timeouts = 2;
    CHECK(times_out(c));
    c.unacked = 0;
    CHECK_FALSE(times_out(c));
}

TEST_CASE("connections: only an idle, open connection without a timer has no keep-alive", "[connections]") {
    Connection c;
    c.measured = true;
    c.last_ack_us = 29 * kSecond;  // between two requests
    CHECK_FALSE(lacks_keepalive(c));
    c.last_ack_us = 30 * kSecond;
    CHECK(lacks_keepalive(c));
    c.timer = TcpTimer::kKeepalive;
    CHECK_FALSE(lacks_keepalive(c));
    c.timer = TcpTimer::kNone;
    c.unacked = 1;  // its timer is the one of retransmission: nothing is known
    CHECK_FALSE(lacks_keepalive(c));
    c.unacked = 0;
    c.state = TcpState::kCloseWait;
    CHECK_FALSE(lacks_keepalive(c));
}

TEST_CASE("connections: the names of states", "[connections]") {
    std::string all;
    for (std::size_t i = 0; i < kTcpStates; ++i)
        all += std::string(to_string(static_cast<TcpState>(i))) + " ";
    CHECK(all == "connecting established close_wait closing ");
}
