// SPDX-License-Identifier: Apache-2.0
// A host's reader of the fleet's list over hours: the beat, refusals, restarts, clocks, keys.
#include "agent/fleet/list_reader.h"
#include "tests/unit/agent/fleet/fleet_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using core::Code;
using core::kDay;
using core::kHour;
using core::kMillisecond;
using core::kMinute;
using core::kSecond;

namespace {

struct World : StoreWorld, ListReader::Listener {
    Bucket bucket;
    int news = 0;
    std::unique_ptr<ListReader> reader;
    FleetConfig config = fleet_config();

    World() {
        http.set_script([this](const HttpRequest& r) { return bucket(r); });
        make();
    }
    void make(const ListMark& mark = {}) {
        reader = std::make_unique<ListReader>(clock, random, store, *this);
        reader->configure(config);
        reader->restore(mark);
        reader->start();
    }
    void list_news() override { ++news; }
    void put(const FleetList& list, const SigningKey& key = key_a()) {
        bucket.objects[kCurrent] = signed_list(list, key);
    }
    FleetList list(std::uint64_t generation, const std::string& ip = "10.0.0.1") {
        return list_of(generation, ip, clock.wall_us());
    }
    const ListStatus& status() const { return reader->status(); }
    std::string ip() const {
        const auto& list = status().list;
        return list ? list->endpoints.begin()->second.zones.front().ipv4->text() : "none";
    }
    std::string refused() const { return status().refused ? std::string(to_string(status().refused->problem)) : ""; }
    long count(const std::string& event) const { return std::count(events.begin(), events.end(), event); }
};

}  // namespace

TEST_CASE("list reader: a change is there within a beat, and unchanged costs a 304", "[list_reader]") {
    World w;
    w.put(w.list(1));
    w.clock.advance(kSecond);
    CHECK(w.ip() == "10.0.0.1");
    CHECK(w.news == 1);
    w.clock.advance(kHour);
    CHECK(w.news == 1);
    CHECK(w.count("list_read") == 1);
    CHECK(header_of(w.http.requests.back(), "if-none-match").size() > 2);
    w.put(w.list(2, "10.0.0.2"));
    w.clock.advance(17 * kSecond);
    CHECK(w.ip() == "10.0.0.2");
    CHECK(w.news == 2);
    CHECK(w.count("list_changed") == 1);
}

TEST_CASE("list reader: the beat is the same whatever happens", "[list_reader]") {
    World w;
    w.put(w.list(1));
    const auto in_an_hour = [&w] {
        const auto before = w.http.requests.size();
        w.clock.advance(kHour);
        return static_cast<double>(w.http.requests.size() - before);
    };
    const double rest = in_an_hour();
    CHECK(rest > 238);
    CHECK(rest < 242);
    const auto near_rest = [rest](double n) { return n > rest * 0.99 && n < rest * 1.01; };
    w.http.set_script([](const auto&) { return core::fail(Code::kConnectFailed, "down"); });
    CHECK(near_rest(in_an_hour()));
    w.http.set_script([](const auto&) { return reply(503, ""); });
    CHECK(near_rest(in_an_hour()));
    w.http.set_script([](const auto&) { return reply(403, "<Code>AccessDenied</Code>"); });
    CHECK(near_rest(in_an_hour()));
    w.http.set_script([&w](const auto& r) { return w.bucket(r); });
    w.put(w.list(2), key_b());  // refused each time
    CHECK(near_rest(in_an_hour()));
    w.http.delay_us = 9 * kSecond;  // slow: from begin to begin all the same
    CHECK(near_rest(in_an_hour()));
    CHECK(w.ip() == "10.0.0.1");
}

TEST_CASE("list reader: what is refused is said once, and what works stays", "[list_reader]") {
    World w;
    w.put(w.list(5));
    w.clock.advance(kSecond);
    const auto beat = [&w] { w.clock.advance(20 * kSecond); };
    struct Row {
        std::string bytes, problem;
    };
    FleetList foreign = w.list(9, "10.6.6.6"), expired = list_of(9, "10.6.6.6", w.clock.wall_us() - 2 * kDay),
              future = list_of(9, "10.6.6.6", w.clock.wall_us() + kHour);
    foreign.fleet = "other";
    const std::string good = signed_list(w.list(9, "10.6.6.6"));
    for (const Row& row : {Row{signed_list(w.list(9, "10.6.6.6"), key_b()), "signature"},
                           {signed_list(w.list(4, "10.6.6.6")), "older"},
                           {signed_list(foreign), "fleet"},
                           {signed_list(expired), "expired"},
                           {signed_list(future), "future"},
                           {good.substr(0, good.size() / 2), "form"},
                           {"<html>", "form"}}) {
        INFO(row.problem);
        const auto before = w.count("list_refused");
        w.bucket.objects[kCurrent] = row.bytes;
        beat();
        CHECK(w.refused() == row.problem);
        w.clock.advance(5 * kMinute);
        CHECK(w.ip() == "10.0.0.1");
        CHECK(w.count("list_refused") <= before + 1);
    }
    CHECK(w.news == 1);
    w.put(w.list(6, "10.0.0.2"));
    beat();
    CHECK(w.refused().empty());
    CHECK(w.status().trouble_since_wall_us == 0);
    CHECK(w.ip() == "10.0.0.2");
}

TEST_CASE("list reader: an older list is refused after a restart, too", "[list_reader]") {
    World w;
    const FleetList old = w.list(4, "10.6.6.6");
    w.put(w.list(5));
    w.clock.advance(kSecond);
    const ListMark mark = w.reader->mark();
    CHECK(mark.newest.generation == 5);
    w.put(old);  // replayed
    w.make(mark);
    w.clock.advance(kMinute);
    CHECK(w.refused() == "older");
    CHECK_FALSE(w.status().list);
    CHECK(w.status().newest.generation == 5);
    w.config.name = "test";  // another fleet has numbers of its own
    w.make(mark);
    CHECK(w.status().newest.generation == 0);
}

TEST_CASE("list reader: a store that is down, and back", "[list_reader]") {
    World w;
    w.put(w.list(1));
    w.clock.advance(kSecond);
    w.http.set_script([](const auto&) { return core::fail(Code::kTimeout, "no complete reply"); });
    w.clock.advance(kHour);
    REQUIRE(w.status().unreachable);
    CHECK(w.count("list_unreachable") == 1);
    CHECK(w.ip() == "10.0.0.1");
    CHECK(w.status().answered_wall_us < w.clock.wall_us() - 59 * kMinute);
    w.http.set_script([&w](const auto& r) { return w.bucket(r); });
    w.clock.advance(kMinute);
    CHECK_FALSE(w.status().unreachable);
    CHECK(w.count("list_reached") == 1);
}

TEST_CASE("list reader: clocks", "[list_reader]") {
    World w;
    // A minute off is no matter.
    FleetList list = w.list(1);
    w.clock.jump_wall(-kMinute);
    w.put(list);
    w.clock.advance(kSecond);
    CHECK(w.ip() == "10.0.0.1");
    // An hour slow: written in the future, until the clock is right.
    World slow;
    list = slow.list(1);
    slow.clock.jump_wall(-kHour);
    slow.put(list);
    slow.clock.advance(kSecond);
    CHECK(slow.refused() == "future");
    slow.clock.jump_wall(kHour);
    slow.clock.advance(40 * kSecond);
    CHECK(slow.ip() == "10.0.0.1");
    // The store says what time it is, and then it is read, too.
    World told;
    list = told.list(1);
    const Micros right = told.clock.wall_us();
    told.clock.jump_wall(-kHour);
    told.put(list);
    told.http.set_script([&](const HttpRequest& r) -> core::Result<HttpResponse> {
        if (header_of(r, "x-oss-date") < "20260102T025000Z")
            return reply(403, "<Code>RequestTimeTooSkewed</Code>", {{"date", "Fri, 02 Jan 2026 03:04:06 GMT"}});
        return told.bucket(r);
    });
    told.clock.advance(40 * kSecond);
    CHECK(told.ip() == "10.0.0.1");
    CHECK(told.reader->wall_us() - right < kMinute + kSecond);
}

TEST_CASE("list reader: keys are changed without a gap", "[list_reader]") {
    World w;
    w.put(w.list(1));
    w.clock.advance(kSecond);
    w.config.list_keys.push_back(key_b().public_key().text());  // first the readers learn the new key
    w.reader->configure(w.config);
    w.clock.advance(kSecond);
    CHECK(w.ip() == "10.0.0.1");
    w.bucket.objects[kCurrent] = sign_list(format_list(w.list(2, "10.0.0.2")), {key_a(), key_b()});
    w.clock.advance(20 * kSecond);
    CHECK(w.ip() == "10.0.0.2");
    w.config.list_keys = {key_b().public_key().text()};  // then they forget the old one
    w.reader->configure(w.config);
    w.clock.advance(kSecond);
    CHECK(w.ip() == "10.0.0.2");
    w.put(w.list(3, "10.6.6.6"), key_a());
    w.clock.advance(20 * kSecond);
    CHECK(w.refused() == "signature");
    CHECK(w.ip() == "10.0.0.2");
}

TEST_CASE("list reader: a person may ask out of turn, not too often", "[list_reader]") {
    World w;
    w.put(w.list(1));
    w.clock.advance(kSecond);
    w.clock.advance(3 * kSecond);
    w.put(w.list(2, "10.0.0.2"));
    const auto before = w.http.requests.size();
    for (int i = 0; i < 100; ++i)
        w.reader->fetch_now();
    w.clock.advance(100 * kMillisecond);
    CHECK(w.ip() == "10.0.0.2");
    CHECK(w.http.requests.size() <= before + 2);
}

TEST_CASE("list reader: without a list_url nothing is asked, and a reload ends it", "[list_reader]") {
    World w;
    w.put(w.list(1));
    w.clock.advance(kMinute);
    CHECK(w.ip() == "10.0.0.1");
    w.reader->configure({});
    const auto before = w.http.requests.size();
    w.clock.advance(kHour);
    CHECK(w.http.requests.size() == before);
    CHECK_FALSE(w.status().configured);
    CHECK_FALSE(w.status().list);
}
