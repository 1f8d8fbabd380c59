// SPDX-License-Identifier: Apache-2.0
// Which flights are started in a turn.
#include "resolver/start_queue.h"

#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::resolver;

TEST_CASE("start queue: a few in a turn, in their order, without those that have ended", "[forwarder]") {
    test::FakeClock clock;
    FlightTable flights;
    std::vector<FlightTable::Slot> started;
    StartQueue queue(clock, flights, [&](FlightTable::Slot slot) { started.push_back(slot); });
    const auto begin = [&](std::uint16_t type) {
        FlightKey key;
        key.name.length = 1;
        key.type = type;
        const auto slot = flights.add(key, {}, key.hash(1), 0);
        queue.add(slot);
        return slot;
    };
    std::vector<FlightTable::Slot> wanted;
    for (std::uint16_t type = 1; type <= 40; ++type)
        wanted.push_back(begin(type));
    CHECK(started.empty());  // not inside add()
    flights.unlink(wanted[3]);
    flights.release(wanted[3]);
    const auto again = begin(99);  // in the same slot, but it is another flight
    CHECK(again == wanted[3]);
    clock.advance(1);
    CHECK(started.size() == 15);
    CHECK_FALSE(queue.empty());
    clock.advance(10);
    wanted.erase(wanted.begin() + 3);
    wanted.push_back(again);
    CHECK(started == wanted);
    CHECK(queue.empty());
    CHECK(clock.idle());
}
