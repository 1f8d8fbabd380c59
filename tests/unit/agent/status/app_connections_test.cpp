// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/agent/status/status_fixture.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

namespace {

StatusSnapshot mixed() {
    auto s = snapshot({link({address("10.0.1.23", "a", probe::State::kUp, probe::State::kUp),
                             address("10.0.2.9", "b", probe::State::kDown, probe::State::kUnknown)})});
    judge(s);
    return s;
}

}  // namespace

TEST_CASE("status: connections are put at their addresses, and change no state", "[status]") {
    auto s = mixed();
    const auto before = s.overall;
    add_connections(connections_report(s.now_wall_us), s);
    judge(s);
    CHECK(s.overall == before);
    const LinkStatus& link = s.links[0];
    CHECK(link.addresses[0].connections->all.total() == 0);
    CHECK(link.addresses[1].connections->all.stuck == 9);
    REQUIRE(link.connections);
    CHECK(link.connections->bypass.size() == 1);
    REQUIRE(link.connections->notes.size() == 2);
    CHECK(link.connections->notes[0].kind == NoteKind::kWithdrawn);
    CHECK(link.connections->notes[1].kind == NoteKind::kBypass);
}

TEST_CASE("status: connections are good only where all of them were seen", "[status]") {
    auto s = mixed();
    CHECK(overall_of_connections(s) == Overall::kUnknown);
    auto report = connections_report(s.now_wall_us);
    add_connections(report, s);
    CHECK(overall_of_connections(s) == Overall::kDegraded);
    report.targets.clear();
    add_connections(report, s);
    CHECK(overall_of_connections(s) == Overall::kGood);
    report.complete = false;
    add_connections(report, s);
    CHECK(overall_of_connections(s) == Overall::kUnknown);
}

TEST_CASE("status: connections to an answered address matter only when stuck", "[status]") {
    auto s = mixed();
    s.links[0].addresses[1].answered = true;
    add_connections(connections_report(s.now_wall_us), s);
    CHECK(s.links[0].connections->notes[0].kind == NoteKind::kStuck);
    s = mixed();
    s.links[0].addresses[1].answered = false;
    s.links[0].answer.clear();  // nothing is answered: nothing was withdrawn in favour of another address
    add_connections(connections_report(s.now_wall_us), s);
    CHECK(s.links[0].connections->notes[0].kind == NoteKind::kStuck);
}

TEST_CASE("status: after a failed look nothing is known of connections, and before the first", "[status]") {
    auto s = mixed();
    auto report = connections_report(s.now_wall_us);
    report.error = core::Error{core::Code::kSocket, "no", "", 0};
    add_connections(report, s);
    CHECK_FALSE(s.connections.known());
    CHECK_FALSE(s.links[0].connections);
    add_connections({}, s);
    CHECK_FALSE(s.connections.known());
    CHECK_FALSE(s.links[0].connections);
}

TEST_CASE("status: connections of a link or an address that is gone are left out", "[status]") {
    auto s = mixed();
    auto report = connections_report(s.now_wall_us);
    s.links[0].addresses.pop_back();
    report.targets[2].target.link = "other";
    add_connections(report, s);
    REQUIRE(s.links[0].connections);
    CHECK(s.links[0].connections->notes.empty());
    CHECK(s.links[0].connections->bypass.empty());
}
