// SPDX-License-Identifier: Apache-2.0
#include "agent/status/incidents.h"

#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::Incident;
using probe::Reason;

TEST_CASE("incidents: those of a link that begin together for the same reason are one; open ones come first",
          "[status]") {
    const auto up = probe::State::kUp;
    auto s = snapshot(
        {link({address("10.0.1.1", "h", up, up), address("10.0.1.2", "h", up, up), address("10.0.1.3", "h", up, up)})});
    s.links.push_back(s.links[0]);
    s.links[1].name = "other";
    const Micros t = s.now_wall_us - core::kDay;
    auto& a = s.links[0].addresses;
    a[0].incidents = {{t, t + core::kMinute, 6, {Reason::kTcpTimeout}, false}};
    a[1].incidents = {{t + core::kMinute, t + core::kHour, 60, {Reason::kTcpTimeout, Reason::kNoRoute}, false},
                      {t + 5 * core::kHour, t + 6 * core::kHour, 3, {Reason::kCertExpired}, true}};
    a[2].incidents = {{t + core::kMinute, t + 2 * core::kMinute, 1, {Reason::kTcpRefused}, false}};
    s.links[1].addresses[0].incidents = {{t, t + 8 * core::kHour, 1, {Reason::kTcpTimeout}, false}};
    const auto list = incidents_of(s);
    REQUIRE(list.size() == 4);
    CHECK(list[0].seen.open);
    CHECK(list[1].link == "other");
    CHECK(list[2].addresses == std::vector{a[0].ip, a[1].ip});
    CHECK(list[2].seen == Incident{t, t + core::kHour, 66, {Reason::kTcpTimeout, Reason::kNoRoute}, false});
    CHECK(list[3].seen.reasons[0] == Reason::kTcpRefused);
    CHECK(incidents_of(s, "other").size() == 1);
    CHECK(incidents_of(s, "tdengine-prod", a[0].ip).size() == 1);
    CHECK(incidents_of(s, "tdengine-prod", a[0].ip)[0].seen.failures == 6);
    CHECK(incidents_of(s, "nothing").empty());
}
