// SPDX-License-Identifier: Apache-2.0
// When flights are looked at.
#include "resolver/wake_queue.h"

#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::resolver;
using core::kMillisecond;
using core::Micros;

namespace {

/// Flights, and the times at which they were woken, from the beginning.
struct Queue {
    FlightTable::Slot begin(std::uint16_t type) {
        FlightKey key;
        key.name.length = 1;
        key.type = type;
        return flights.add(key, {}, key.hash(1), 0);
    }
    void end(FlightTable::Slot slot) {
        flights.unlink(slot);
        flights.release(slot);
    }
    void add(FlightTable::Slot slot, Micros in) { wakes.add(slot, began + in); }
    void until(Micros time) { clock.advance(began + time - clock.mono_us()); }

    using Woken = std::vector<std::pair<FlightTable::Slot, Micros>>;
    test::FakeClock clock;
    const Micros began = clock.mono_us();
    FlightTable flights;
    Woken woken;
    WakeQueue wakes{clock, flights,
                    [this](FlightTable::Slot slot) { woken.emplace_back(slot, clock.mono_us() - began); }};
};

}  // namespace

TEST_CASE("wakes: a flight is woken once, at the earliest of its times", "[forwarder]") {
    Queue q;
    const auto a = q.begin(1), b = q.begin(2), c = q.begin(3);
    q.add(a, 10 * kMillisecond);
    q.add(a, 5 * kMillisecond);
    q.add(a, 20 * kMillisecond);
    q.add(b, 30 * kMillisecond);
    q.add(c, 7 * kMillisecond);
    q.until(100 * kMillisecond);
    CHECK(q.woken == Queue::Woken{{a, 5 * kMillisecond}, {c, 7 * kMillisecond}, {b, 30 * kMillisecond}});
    CHECK(q.clock.idle());
    q.add(a, 110 * kMillisecond);
    q.until(200 * kMillisecond);
    CHECK(q.woken.size() == 4);
    CHECK(q.woken.back() == std::pair{a, 110 * kMillisecond});
}

// The slot may have another flight by then, with a time of its own. An idle program does not wake up for what ended.
TEST_CASE("wakes: an ended flight is not woken, and no timer stays for it", "[forwarder]") {
    Queue q;
    const auto ended = q.begin(1);
    q.add(ended, 10 * kMillisecond);
    q.end(ended);
    const auto next = q.begin(2);
    REQUIRE(next == ended);
    q.add(next, 20 * kMillisecond);
    const auto later = q.begin(3);
    q.add(later, 500 * kMillisecond);
    q.end(later);
    q.until(20 * kMillisecond);
    CHECK(q.woken == Queue::Woken{{next, 20 * kMillisecond}});
    CHECK(q.clock.idle());
}
