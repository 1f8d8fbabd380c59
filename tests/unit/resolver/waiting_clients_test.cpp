// SPDX-License-Identifier: Apache-2.0
// How many clients may wait, and of each address.
#include "resolver/waiting_clients.h"

#include "tests/unit/catch.h"
#include "tests/unit/resolver/handler_kit.h"

using namespace postern;
using namespace postern::resolver;

namespace {

constexpr std::size_t kMost = 128, kShare = 2;  // a 64th

struct Waiting {
    Waiting() { clients.set_limit(kMost); }
    /// False: it is not admitted.
    bool add(Flight& f, const char* ip, core::Micros since = 0) {
        Waiter w;
        w.to = test::client_at(std::string(ip) + ":4000");
        w.since = since;
        if (!clients.admit(w)) return false;
        clients.add(f, std::move(w));
        return true;
    }
    /// How many of `count` are admitted.
    std::size_t add_many(Flight& f, const char* ip, std::size_t count) {
        std::size_t admitted = 0;
        for (std::size_t i = 0; i < count; ++i)
            admitted += add(f, ip, static_cast<core::Micros>(i)) ? 1 : 0;
        return admitted;
    }
    WaitingClients clients{1};
};

}  // namespace

// What stays counted for a client is missing to it until the resolver is restarted.
TEST_CASE("waiting clients: beyond the limit an address has its share, and all of it again after the answer",
          "[forwarder]") {
    Waiting waiting;
    Flight first, second;
    CHECK(waiting.add_many(first, "10.0.0.1", kMost + 10) == kMost);
    CHECK(waiting.add_many(first, "10.0.0.2", 10) == kShare);
    waiting.clients.drop_all(first);
    CHECK(first.waiters.empty());
    CHECK(waiting.add_many(second, "10.0.0.3", kMost + 10) == kMost);
    CHECK(waiting.add_many(second, "10.0.0.1", 10) == kShare);
    CHECK(waiting.add_many(second, "10.0.0.2", 10) == kShare);
}

TEST_CASE("waiting clients: those that are taken out do not count", "[forwarder]") {
    Waiting waiting;
    Flight f;
    CHECK(waiting.add_many(f, "10.0.0.1", kMost) == kMost);
    const auto later = waiting.clients.take_later(f, 100);
    CHECK(later.size() == kMost - 100);
    CHECK(later.front().since == 100);
    CHECK(f.waiters.size() == 100);
    CHECK(waiting.add_many(f, "10.0.0.1", kMost) == kMost - 100);
}

// Flights are used again: one that many waited for must not hold that memory, and one of a few not allocate again.
TEST_CASE("waiting clients: a flight keeps room for a few of them", "[forwarder]") {
    Waiting waiting;
    Flight f;
    waiting.add_many(f, "10.0.0.1", 10);
    const std::size_t few = f.waiters.capacity();
    waiting.clients.drop_all(f);
    CHECK(f.waiters.capacity() == few);
    waiting.add_many(f, "10.0.0.1", kMost);
    waiting.clients.drop_all(f);
    CHECK(f.waiters.capacity() == 0);
}
