// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/note.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

UserCounts user(std::uint32_t uid, std::uint32_t total, std::uint32_t stuck, Micros stuck_for_s = 0) {
    UserCounts out{uid, {}};
    out.counts.states[static_cast<std::size_t>(TcpState::kEstablished)] = total;
    out.counts.stuck = stuck;
    out.counts.stuck_for_us = stuck_for_s * core::kSecond;
    return out;
}

TargetConnections seen(std::vector<UserCounts> users, bool bypass = false) {
    TargetConnections out{{"prod", {*core::IpAddress::parse("10.0.1.23"), 443}, bypass}, {}, std::move(users), 0, {}};
    for (const auto& u : out.users)
        out.all.add(u.counts);
    return out;
}

std::string told(const TargetConnections& s, bool withdrawn, bool complete = true) {
    std::string out;
    for (const auto& note : notes_about(s, withdrawn, complete))
        out += note.text() + "\n";
    return out;
}

}  // namespace

TEST_CASE("connections: what people are told", "[connections]") {
    CHECK(told(seen({user(1001, 12, 9, 41)}), true) ==
          "12 connections of uid 1001 still on 10.0.1.23, 9 stuck for 41 s\n");
    CHECK(told(seen({user(1001, 1, 0)}), true) == "1 connection of uid 1001 still on 10.0.1.23\n");
    CHECK(told(seen({user(1001, 12, 9, 300)}), false) ==
          "12 connections of uid 1001 on 10.0.1.23, 9 stuck for 5 min\n");
    CHECK(told(seen({user(1001, 12, 0)}), false).empty());  // all is well
    CHECK(told(seen({}), true).empty());
    CHECK(told(seen({user(0, 3, 0)}, true), false) ==
          "3 connections of uid 0 to the public gateway 10.0.1.23, not over PrivateLink\n");
    CHECK(told(seen({user(1001, 12, 9, 41)}), true, false) ==
          "at least 12 connections of uid 1001 still on 10.0.1.23, 9 stuck for 41 s\n");
}

TEST_CASE("connections: the fourth user and later ones are one sentence", "[connections]") {
    auto s = seen({user(1, 9, 9, 10), user(2, 8, 8, 20), user(3, 7, 7, 30), user(4, 6, 6, 70), user(5, 5, 0)});
    CHECK(told(s, true) ==
          "9 connections of uid 1 still on 10.0.1.23, 9 stuck for 10 s\n"
          "8 connections of uid 2 still on 10.0.1.23, 8 stuck for 20 s\n"
          "7 connections of uid 3 still on 10.0.1.23, 7 stuck for 30 s\n"
          "11 connections of other users still on 10.0.1.23, 6 stuck for 70 s\n");
    // An answered address: only users with a stuck one.
    s = seen({user(1, 9, 1, 10), user(2, 8, 0)});
    CHECK(told(s, false) == "9 connections of uid 1 on 10.0.1.23, 1 stuck for 10 s\n");
}
