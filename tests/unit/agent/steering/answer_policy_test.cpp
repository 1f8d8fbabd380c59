// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/steering/answer_policy.h"
#include "tests/unit/catch.h"

using namespace postern;
using agent::AddressVerdict;
using agent::decide_answer;
using probe::State;

namespace {

core::IpAddress ip(const char* text) {
    return *core::IpAddress::parse(text);
}

AddressVerdict address(const char* text, const char* zone, State path, State service, bool comparable = false,
                       core::Micros last_ok = 0) {
    return {.address = {ip(text), zone, "ep-1"},
            .verdict = {path, service},
            .service_comparable = comparable,
            .last_ok_mono_us = last_ok};
}

AddressVerdict newcomer(const char* text, const char* zone) {
    AddressVerdict out = address(text, zone, State::kUnknown, State::kUnknown);
    out.newcomer = true;
    return out;
}
AddressVerdict unsteady(const char* text, const char* zone) {
    AddressVerdict out = address(text, zone, State::kUp, State::kDegraded, false, 5);
    out.rate_too_low = true;
    return out;
}
AddressVerdict drained(AddressVerdict address) {
    address.drained = true;
    return address;
}

std::string list(const std::vector<core::IpAddress>& ips) {
    std::string out;
    for (const auto& a : ips)
        out += (out.empty() ? "" : " ") + a.text();
    return out;
}

constexpr State kUp = State::kUp, kDown = State::kDown, kUnknown = State::kUnknown, kDegraded = State::kDegraded;

}  // namespace

TEST_CASE("policy: what is answered for every mix of verdicts", "[policy]") {
    struct Row {
        const char* what;
        std::vector<AddressVerdict> addresses;
        const char* zone;
        const char* fresh;
        const char* stale;
        bool all_down;
    };
    const Row rows[] = {
        {"nothing known", {}, "", "", "", false},
        {"not probed yet counts as healthy",
         {address("10.0.2.1", "b", kUnknown, kUnknown), address("10.0.1.1", "a", kUnknown, kUnknown)},
         "",
         "10.0.1.1 10.0.2.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"own zone first",
         {address("10.0.1.1", "a", kUp, kUp), address("10.0.2.1", "b", kUp, kUp)},
         "b",
         "10.0.2.1 10.0.1.1",
         "10.0.2.1 10.0.1.1",
         false},
        {"a host whose zone is unknown has no own one, not even an address without a zone",
         {address("10.0.1.1", "a", kUp, kUp), address("10.0.2.1", "", kUp, kUp)},
         "",
         "10.0.1.1 10.0.2.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"a down path is withdrawn, own zone or not",
         {address("10.0.1.1", "a", kUp, kUp), address("10.0.2.1", "b", kDown, kUnknown)},
         "b",
         "10.0.1.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"degraded stays",
         {address("10.0.1.1", "a", kUp, kDegraded), address("10.0.2.1", "b", kUp, kUp)},
         "",
         "10.0.1.1 10.0.2.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"all down: all are answered",
         {address("10.0.1.1", "a", kDown, kUnknown), address("10.0.2.1", "b", kDown, kUnknown)},
         "",
         "10.0.1.1 10.0.2.1",
         "10.0.1.1 10.0.2.1",
         true},
        {"a wrong token everywhere steers nothing",
         {address("10.0.1.1", "a", kUp, kDown), address("10.0.2.1", "b", kUp, kDown)},
         "",
         "10.0.1.1 10.0.2.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"5xx at one while the other passes is withdrawn",
         {address("10.0.1.1", "a", kUp, kDown, true), address("10.0.2.1", "b", kUp, kUp)},
         "",
         "10.0.2.1",
         "10.0.2.1 10.0.1.1",
         false},
        {"5xx at both steers nothing",
         {address("10.0.1.1", "a", kUp, kDown, true), address("10.0.2.1", "b", kUp, kDown, true)},
         "",
         "10.0.1.1 10.0.2.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"5xx at one, the other unknown: no comparison, no steering",
         {address("10.0.1.1", "a", kUp, kDown, true), address("10.0.2.1", "b", kUp, kUnknown)},
         "",
         "10.0.1.1 10.0.2.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"5xx at one, the other's path down: 5xx is better than nothing",
         {address("10.0.1.1", "a", kUp, kDown, true), address("10.0.2.1", "b", kDown, kUnknown)},
         "",
         "10.0.1.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"all down: what worked last comes first",
         {address("10.0.1.1", "a", kDown, kUnknown, false, 5), address("10.0.2.1", "b", kDown, kUnknown, false, 9)},
         "a",
         "10.0.2.1 10.0.1.1",
         "10.0.2.1 10.0.1.1",
         true},
        {"a family without a working address keeps its addresses, while the other works",
         {address("10.0.1.1", "a", kUp, kUp), address("fd00::1", "a", kDown, kUnknown, false, 3),
          address("fd00::2", "b", kDown, kUnknown, false, 7)},
         "a",
         "10.0.1.1 fd00::2 fd00::1",
         "10.0.1.1 fd00::2 fd00::1",
         false},
        {"a family whose service fails while the other's passes keeps it",
         {address("10.0.1.1", "a", kUp, kDown, true), address("fd00::1", "a", kUp, kUp)},
         "",
         "fd00::1 10.0.1.1",
         "fd00::1 10.0.1.1",
         false},
        {"a newcomer waits while another is good",
         {address("10.0.1.1", "a", kUp, kUp, false, 5), newcomer("10.0.2.1", "b")},
         "b",
         "10.0.1.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"also without a token",
         {address("10.0.1.1", "a", kUp, kUnknown, false, 5), newcomer("10.0.2.1", "b")},
         "b",
         "10.0.1.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"a newcomer beside failing ones is answered",
         {address("10.0.1.1", "a", kUp, kDown), address("10.0.3.1", "a", kDown, kUnknown), newcomer("10.0.2.1", "b")},
         "b",
         "10.0.2.1 10.0.1.1",
         "10.0.2.1 10.0.1.1 10.0.3.1",
         false},
        {"one that fails too often leaves while another passes",
         {address("10.0.1.1", "a", kUp, kUp, false, 5), unsteady("10.0.2.1", "b")},
         "b",
         "10.0.1.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"two of them stay: none is better",
         {unsteady("10.0.1.1", "a"), unsteady("10.0.2.1", "b")},
         "",
         "10.0.1.1 10.0.2.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"a drained one leaves while another may be answered",
         {drained(address("10.0.1.1", "a", kUp, kUp, false, 9)), address("10.0.2.1", "b", kUp, kUp, false, 5)},
         "a",
         "10.0.2.1",
         "10.0.2.1 10.0.1.1",
         false},
        {"also while nothing is known yet, as after a restart",
         {drained(address("10.0.1.1", "a", kUnknown, kUnknown)), address("10.0.2.1", "b", kUnknown, kUnknown)},
         "a",
         "10.0.2.1",
         "10.0.2.1 10.0.1.1",
         false},
        {"also while both fail for the same foreign reason",
         {drained(address("10.0.1.1", "a", kUp, kDown)), address("10.0.2.1", "b", kUp, kDown)},
         "",
         "10.0.2.1",
         "10.0.2.1 10.0.1.1",
         false},
        {"a drained one is answered again, alone, when the others are down",
         {drained(address("10.0.1.1", "a", kUp, kUp, false, 9)), address("10.0.2.1", "b", kDown, kUnknown, false, 5)},
         "",
         "10.0.1.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"and when they fail what it passes",
         {drained(address("10.0.1.1", "a", kUp, kUp, false, 9)), address("10.0.2.1", "b", kUp, kDown, true, 5)},
         "",
         "10.0.1.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"all down: a drained one is one of all",
         {drained(address("10.0.1.1", "a", kDown, kUnknown, false, 9)),
          address("10.0.2.1", "b", kDown, kUnknown, false, 5)},
         "",
         "10.0.1.1 10.0.2.1",
         "10.0.1.1 10.0.2.1",
         true},
        {"all drained: as if none were",
         {drained(address("10.0.1.1", "a", kUp, kUp)), drained(address("10.0.2.1", "b", kDown, kUnknown))},
         "",
         "10.0.1.1",
         "10.0.1.1 10.0.2.1",
         false},
        {"a family keeps its last address that works, drained or not",
         {address("10.0.1.1", "a", kUp, kUp), drained(address("10.0.2.1", "b", kUp, kUp, false, 9)),
          drained(address("fd00::2", "b", kUp, kUp))},
         "",
         "10.0.1.1 fd00::2",
         "10.0.1.1 fd00::2 10.0.2.1",
         false},
        {"401 at one alone does not steer",
         {address("10.0.1.1", "a", kUp, kDown, false), address("10.0.2.1", "b", kUp, kUp)},
         "",
         "10.0.1.1 10.0.2.1",
         "10.0.1.1 10.0.2.1",
         false},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        const auto decision = decide_answer(row.addresses, row.zone);
        CHECK(list(decision.fresh) == row.fresh);
        CHECK(list(decision.stale) == row.stale);
        CHECK(decision.all_down == row.all_down);
    }
}

TEST_CASE("policy: over every mix the answer is never empty and stale has every address", "[policy]") {
    const State states[] = {kUnknown, kUp, kDegraded, kDown};
    int mixes = 0;
    for (State p1 : states)
        for (State s1 : states)
            for (bool c1 : {false, true})
                for (State p2 : states)
                    for (State s2 : states)
                        for (bool c2 : {false, true})
                            for (int drains : {0, 1, 2, 3}) {
                                AddressVerdict one = address("10.0.1.1", "a", p1, s1, c1);
                                AddressVerdict two = address("10.0.2.1", "b", p2, s2, c2);
                                one.drained = (drains & 1) != 0;
                                two.drained = (drains & 2) != 0;
                                const auto d = decide_answer({one, two}, "b");
                                REQUIRE_FALSE(d.fresh.empty());
                                REQUIRE(d.stale.size() == 2);
                                one.drained = two.drained = false;
                                const auto without = decide_answer({one, two}, "b");
                                // Never an address that the verdicts withdraw, for the sake of a drain.
                                for (const auto& ip : d.fresh)
                                    REQUIRE(std::count(without.fresh.begin(), without.fresh.end(), ip) == 1);
                                ++mixes;
                            }
    CHECK(mixes == 4096);
}

TEST_CASE("policy: the decision explains itself", "[policy]") {
    const auto d = decide_answer({address("10.0.1.1", "a", kUp, kUp), address("10.0.2.1", "b", kDown, kUnknown)}, "a");
    CHECK(d.explain == "10.0.1.1 (a) up, own zone; 10.0.2.1 (b) withdrawn: path down");
    const AddressVerdict up = address("10.0.1.1", "a", kUp, kUp), down = address("10.0.2.1", "b", kDown, kUnknown);
    CHECK(decide_answer({drained(up), address("10.0.2.1", "b", kUp, kUp)}, "").explain ==
          "10.0.1.1 (a) withdrawn: drained; 10.0.2.1 (b) up");
    CHECK(decide_answer({drained(up), down}, "").explain ==
          "10.0.1.1 (a) up, drained but answered because no other works; 10.0.2.1 (b) withdrawn: path down");
    CHECK(decide_answer({up, drained(down)}, "").explain == "10.0.1.1 (a) up; 10.0.2.1 (b) withdrawn: path down");
    CHECK(decide_answer({drained(address("10.0.1.1", "a", kDown, kUnknown)), down}, "").explain ==
          "10.0.1.1 (a) down, answered because all are down; 10.0.2.1 (b) down, answered because all are down");
}

TEST_CASE("policy: a drain leaves a good address in every family that loses one, or is refused", "[policy]") {
    const AddressVerdict a = address("10.0.1.1", "a", kUp, kUp), b = address("10.0.2.1", "b", kUp, kUp);
    const AddressVerdict a6 = address("fd00::1", "a", kUp, kUp), b6 = address("fd00::2", "b", kUp, kUp);
    const AddressVerdict b_down = address("10.0.2.1", "b", kDown, kUnknown);
    const AddressVerdict b6_down = address("fd00::2", "b", kDown, kUnknown);
    struct Row {
        const char* what;
        std::vector<AddressVerdict> addresses;
        const char* zone;
        const char* refusal;
    };
    const Row rows[] = {
        {"another one is good", {a, b}, "a", ""},
        {"without a token the path decides", {a, address("10.0.2.1", "b", kUp, kUnknown)}, "a", ""},
        {"degraded is good", {a, address("10.0.2.1", "b", kUp, kDegraded)}, "a", ""},
        {"the only one", {a}, "a", "no good address would be left: there is no other"},
        {"the other is down", {a, b_down}, "a", "no good address would be left: 10.0.2.1 (b) is down"},
        {"one that is down leaves no other either",
         {address("10.0.1.1", "a", kDown, kUnknown), b_down},
         "a",
         "no good address would be left: 10.0.2.1 (b) is down"},
        {"nobody knows the other",
         {a, address("10.0.2.1", "b", kUnknown, kUnknown)},
         "a",
         "no good address would be left: 10.0.2.1 (b) is not probed yet"},
        {"the other's service fails",
         {a, address("10.0.2.1", "b", kUp, kDown)},
         "a",
         "no good address would be left: 10.0.2.1 (b) is down"},
        {"the other fails too often",
         {a, unsteady("10.0.2.1", "b")},
         "a",
         "no good address would be left: 10.0.2.1 (b) is failing too often"},
        {"the other is drained", {a, drained(b)}, "a", "no good address would be left: 10.0.2.1 (b) is drained"},
        {"both families lose one and keep one", {a, a6, b, b6}, "a", ""},
        {"a family would lose its last", {a, a6, b}, "a", "no good IPv6 address would be left: there is no other"},
        {"and not the other one", {a, a6, b_down, b6}, "a", "no good IPv4 address would be left: 10.0.2.1 (b) is down"},
        {"a family that has none anyway loses none",
         {a, address("fd00::1", "a", kDown, kUnknown), b, b6_down},
         "a",
         ""},
        {"many are counted",
         {a, address("10.0.2.1", "b", kDown, kUnknown), address("10.0.2.2", "b", kDown, kUnknown),
          address("10.0.2.3", "b", kDown, kUnknown), address("10.0.2.4", "b", kDown, kUnknown),
          address("10.0.2.5", "b", kDown, kUnknown)},
         "a",
         "no good address would be left: 10.0.2.1 (b) is down, 10.0.2.2 (b) is down, 10.0.2.3 (b) is down, "
         "10.0.2.4 (b) is down and 1 more"},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        CHECK(why_not_drained(row.addresses, [&](const auto& each) { return each.zone == row.zone; }) == row.refusal);
    }
}
