// SPDX-License-Identifier: Apache-2.0
#include "agent/status/readiness.h"

#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::Phase;
using probe::Reason;
using probe::State;

TEST_CASE("readiness: plan, discovery and sweep are told apart", "[status]") {
    auto s = snapshot({link(
        {address("10.0.1.23", "cn-hangzhou-h", State::kUp, State::kUp),
         address("10.0.2.9", "cn-hangzhou-i", State::kDown, State::kUnknown, Reason::kTcpRefused, Phase::kConnect)})});
    for (const auto& c : ready_checks(s))
        CHECK(c.ok);
    s.resolver.accepted = false;
    s.links[0].first_sweep_done = false;
    auto checks = ready_checks(s);
    REQUIRE(checks.size() == 3);
    CHECK(checks[0].name == "plan");
    CHECK_FALSE(checks[0].ok);
    CHECK_FALSE(checks[0].reason.empty());
    CHECK(checks[1].ok);
    CHECK_FALSE(checks[2].ok);
    s.links[0].discovery.known = false;
    checks = ready_checks(s);
    CHECK_FALSE(checks[1].ok);
    CHECK(checks[1].name == "discovery");
}
