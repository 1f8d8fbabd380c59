// SPDX-License-Identifier: Apache-2.0
#include "agent/status/headline.h"

#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::State;

namespace {

std::string chinese(const StatusSnapshot& s) {
    return headline(s, doctor::Catalogue::in(doctor::Language::kChinese));
}

}  // namespace

TEST_CASE("headline: good says how much is up, in either language", "[status]") {
    auto s = snapshot({});
    judge(s);
    CHECK(s.headline == "no links: postern only forwards");
    s.links = {link({address("10.0.1.23", "", State::kUp, State::kUp)})};
    judge(s);
    CHECK(s.headline == "1 link, 1 of 1 address up");
    s.links.push_back(link({address("10.0.1.23", "", State::kUp, State::kUp)}));
    s.links[1].probing = false;
    s.links[1].verify_only = true;
    judge(s);
    CHECK(s.headline == "2 links, 2 of 1 address up, 1 not probed, 1 verify only");
    CHECK(chinese(s) == "2 个连接，2/1 个地址正常，1 个未探测，1 个仅核对");
}

TEST_CASE("headline: the first fault with its link, and how many more, in either language", "[status]") {
    auto s = snapshot({link({address("10.0.1.23", "", State::kDown, State::kUnknown, probe::Reason::kTcpRefused,
                                     probe::Phase::kConnect)})});
    s.reported = {make_fault("PN-CONFIG-RESTART")};
    judge(s);
    CHECK(s.headline ==
          "tdengine-prod: 10.0.1.23 refuses the connection: nothing listens on port 443 (tcp_refused) (and 1 more)");
    CHECK(chinese(s).starts_with("tdengine-prod"));
    CHECK(chinese(s).ends_with("（另有 1 项）"));
}
