// SPDX-License-Identifier: Apache-2.0
// The flights in progress, and their slots.
#include "resolver/flight_table.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::resolver;

// A late reply and a timer know a flight by slot and generation: what they bring must not reach another question.
TEST_CASE("flights: the next flight in a slot is not taken for the one that ended", "[forwarder]") {
    FlightTable flights;
    const auto begin = [&](std::uint16_t type) {
        FlightKey key;
        key.name.length = 1;
        key.type = type;
        return flights.add(key, {}, key.hash(1), 0);
    };
    const auto first = begin(1);
    const auto generation = flights[first].generation;
    REQUIRE(flights.find(first, generation) == &flights[first]);
    flights.unlink(first);
    flights.release(first);
    CHECK(flights.find(first, generation) == nullptr);
    const auto second = begin(2);
    REQUIRE(second == first);
    CHECK(flights.find(first, generation) == nullptr);
    CHECK(flights.find(second, flights[second].generation) == &flights[second]);
    CHECK(flights.find(second + 1, generation) == nullptr);
}
