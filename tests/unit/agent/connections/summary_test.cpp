// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "agent/connections/summary.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kSecond;

namespace {

const auto kIp = *core::IpAddress::parse("10.0.1.23");
const ConnectionTarget kTarget{"prod", {kIp, 443}};

Connection open(std::uint32_t uid) {
    Connection c;
    c.remote = kIp;
    c.remote_port = 443;
    c.uid = uid;
    c.inode = 1;
    c.measured = true;
    c.timer = TcpTimer::kKeepalive;
    c.rtt_us = 900;
    return c;
}
Connection stuck(std::uint32_t uid, Micros last_ack_us) {
    Connection c = open(uid);
    c.unacked = 1;
    c.unacked_bytes = 100;
    c.timeouts = c.backoff = 6;
    c.timeout_us = 200 * kSecond;
    c.last_ack_us = last_ack_us;
    return c;
}

}  // namespace

TEST_CASE("connections: summed up by address and user, the stuck ones first", "[connections]") {
    ConnectionSummary summary({kTarget, {"other", {kIp, 443}}, {"third", {kIp, 6041}}});
    for (int i = 0; i < 3; ++i)
        summary.add(open(7));
    summary.add(open(8));
    summary.add(stuck(8, 41 * kSecond));
    summary.add(stuck(8, 30 * kSecond));
    auto closing = open(8);
    closing.state = TcpState::kCloseWait;
    closing.measured = false;
    summary.add(closing);
    auto elsewhere = open(8);
    elsewhere.remote = *core::IpAddress::parse("10.0.1.24");
    summary.add(elsewhere);
    auto orphan = open(8);
    orphan.inode = 0;  // closed by its program
    summary.add(orphan);

    const auto seen = summary.take();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].target == kTarget);
    CHECK(seen[0].all.total() == 7);
    CHECK(seen[0].all.states == std::array<std::uint32_t, kTcpStates>{0, 6, 1, 0});
    CHECK(seen[0].all.stuck == 2);
    CHECK(seen[0].all.timing_out == 2);
    CHECK(seen[0].all.stuck_for_us == 41 * kSecond);
    CHECK(seen[0].all.last_ack_us == 41 * kSecond);
    CHECK(seen[0].all.unacked_bytes == 200);
    CHECK(seen[0].all.timeouts_max == 6);
    CHECK(seen[0].all.rtt_max_us == 900);
    CHECK(seen[0].all.without_keepalive == 0);
    REQUIRE(seen[0].users.size() == 2);
    CHECK((seen[0].users[0].uid == 8 && seen[0].users[0].counts.total() == 4));
    CHECK((seen[0].users[1].uid == 7 && seen[0].users[1].counts.stuck == 0));
    CHECK(seen[1].all.total() == 7);  // two links have the address
    CHECK(seen[2].all.total() == 0);
    CHECK(seen[0].histograms.rtt[3] == 6);  // to 1 ms
    CHECK(seen[0].histograms.rtt_sum_us == 6 * 900);
    CHECK(seen[0].histograms.timeouts[0] == 4);
    CHECK(seen[0].histograms.timeouts[5] == 2);  // to 8
    CHECK(seen[0].histograms.timeouts_sum == 12);
}

TEST_CASE("connections: many users are bounded, and counted all the same", "[connections]") {
    ConnectionSummary summary({kTarget});
    for (std::uint32_t uid = 0; uid < 3000; ++uid)
        summary.add(open(uid));
    const auto seen = summary.take();
    CHECK(seen[0].all.total() == 3000);
    CHECK(seen[0].users.size() == kMaxShownUsers);
    CHECK(seen[0].more_users >= kMaxCountedUsers - kMaxShownUsers);
}
