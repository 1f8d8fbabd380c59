// SPDX-License-Identifier: Apache-2.0
// Publishers that die at any step, two at once, and stores that lose or keep too much: a reader never finds less.
#include "agent/fleet/publisher.h"
#include "tests/unit/agent/fleet/fleet_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using core::Code;
using core::kDay;
using core::kHour;
using core::kMinute;
using core::kSecond;

namespace {

/// Reads as a host does, and keeps what it has seen.
struct Reader {
    ListNumber seen;
    std::string ip;
    /// False: what is there can't be used, or is older.
    bool read(const Bucket& bucket, Micros now) {
        const auto found = bucket.objects.find(kCurrent);
        if (found == bucket.objects.end()) return true;
        const auto list = open_list(found->second, {key_a().public_key(), key_b().public_key()}, "prod");
        if (!list || list->endpoints.empty()) return false;
        const auto why = why_not_now(*list, seen, now);
        if (why) return why->problem == ListProblem::kOlder;  // refused, and what it has stays
        seen = list->number;
        ip = list->endpoints.begin()->second.zones.front().ipv4->text();
        return true;
    }
};

struct World : StoreWorld {
    Bucket bucket;
    Reader reader;
    World() {
        http.set_script([this](const HttpRequest& r) {
            auto out = bucket(r);
            CHECK(reader.read(bucket, clock.wall_us()));
            return out;
        });
    }
    PublishPlan plan(const SigningKey& key = key_a()) {
        PublishPlan out;
        out.current = place("oss://bucket/prod/current.json");
        out.fleet = "prod";
        out.publisher = "host-1";
        out.keys = {key};
        out.trusted = {key_a().public_key(), key_b().public_key()};
        return out;
    }
    static Publisher::Answers answers(const std::string& ip) {
        Publisher::Answers out;
        out.emplace("ep-a", report_of("ep-a", ip));
        return out;
    }
    core::Result<Published> publish(PublishPlan p, Publisher::Answers a) {
        Publisher publisher(clock, store, std::move(p));
        std::optional<core::Result<Published>> out;
        publisher.publish(std::move(a), [&](core::Result<Published> result) { out = std::move(result); });
        clock.advance(kMinute);
        REQUIRE(out);
        return *out;
    }
    core::Result<Published> publish(const std::string& ip) { return publish(plan(), answers(ip)); }
};

}  // namespace

TEST_CASE("publisher: the first list, then only changes and signs of life", "[publisher]") {
    World w;
    const auto first = w.publish("10.0.0.1");
    REQUIRE(first);
    CHECK(first->written);
    CHECK(w.reader.ip == "10.0.0.1");
    CHECK(w.bucket.writes.size() == 2);
    CHECK(w.bucket.writes.front() == kFolder + generation_name(first->list.number.generation));
    CHECK(generation_name(7) == "00000000000000000007.json");

    const auto same = w.publish("10.0.0.1");
    REQUIRE(same);
    CHECK_FALSE(same->written);
    CHECK(same->list.number == first->list.number);
    CHECK(w.bucket.writes.size() == 2);

    const auto changed = w.publish("10.0.0.2");
    CHECK(changed->list.number.generation == first->list.number.generation + 1);
    CHECK(w.reader.ip == "10.0.0.2");

    w.clock.advance(kDay / 4);
    const auto alive = w.publish("10.0.0.2");
    CHECK(alive->written);
    CHECK(alive->list.number.generation == first->list.number.generation + 2);
    CHECK(w.reader.seen == alive->list.number);
}

TEST_CASE("publisher: an endpoint that was not answered keeps what the list had", "[publisher]") {
    World w;
    REQUIRE(w.publish("10.0.0.1"));
    Publisher::Answers answers;
    answers.emplace("ep-a", core::fail(Code::kApiUnavailable, "HTTP 503"));
    answers.emplace("ep-b", core::fail(Code::kApiNotFound, "no such endpoint"));
    answers.emplace("ep-c", report_of("ep-c", "10.0.0.3"));
    const auto published = w.publish(w.plan(), answers);
    REQUIRE(published);
    CHECK(published->kept == std::vector<std::string>{"ep-a"});
    CHECK(published->missing == std::vector<std::string>{"ep-b"});
    CHECK(published->list.endpoints.size() == 2);
    CHECK(w.reader.ip == "10.0.0.1");
}

TEST_CASE("publisher: an empty list is never written", "[publisher]") {
    World w;
    Publisher::Answers none;
    none.emplace("ep-a", core::fail(Code::kApiUnavailable, "HTTP 503"));
    const auto nothing = w.publish(w.plan(), none);
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().code == Code::kApiNotFound);
    CHECK(w.bucket.writes.empty());
}

TEST_CASE("publisher: killed at each step, the next one goes on", "[publisher]") {
    // As many steps as a whole publication has, and one more.
    World whole;
    REQUIRE(whole.publish("10.0.0.1"));
    const int before = whole.bucket.requests;
    REQUIRE(whole.publish("10.0.0.2"));
    const int steps = whole.bucket.requests - before;
    REQUIRE(steps >= 5);
    for (const bool reply_lost : {false, true}) {
        for (int step = 1; step <= steps; ++step) {
            INFO("step " << step << (reply_lost ? ", after the store has done it" : ", before"));
            World w;
            REQUIRE(w.publish("10.0.0.1"));
            const int begin = w.bucket.requests;
            auto publisher = std::make_unique<Publisher>(w.clock, w.store, w.plan());
            bool dead = false;
            w.http.set_script([&](const HttpRequest& r) -> core::Result<HttpResponse> {
                if (w.bucket.requests - begin + 1 == step) dead = true;
                if (dead && !reply_lost) return core::fail(Code::kHttpFailed, "killed");
                auto out = w.bucket(r);
                CHECK(w.reader.read(w.bucket, w.clock.wall_us()));
                if (dead) publisher.reset();
                return out;
            });
            bool ended = false;
            publisher->publish(World::answers("10.0.0.2"), [&](const auto&) { ended = true; });
            w.clock.advance(kMinute);
            CHECK(ended == !reply_lost);
            CHECK((w.reader.ip == "10.0.0.1" || w.reader.ip == "10.0.0.2"));
            w.http.set_script([&w](const HttpRequest& r) {
                auto out = w.bucket(r);
                CHECK(w.reader.read(w.bucket, w.clock.wall_us()));
                return out;
            });
            const auto next = w.publish("10.0.0.2");
            REQUIRE(next);
            CHECK(w.reader.ip == "10.0.0.2");
            CHECK(w.reader.seen == next->list.number);
        }
    }
}

TEST_CASE("publisher: two at once, whatever their steps are", "[publisher]") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        World w;
        w.bucket.versioning = seed % 3 == 0;
        REQUIRE(w.publish("10.0.0.1"));
        core::SeededRandom random(seed);
        Publisher one(w.clock, w.store, w.plan()), two(w.clock, w.store, w.plan(key_b()));
        int ended = 0;
        const auto end = [&](const core::Result<Published>& result) {
            CHECK(result);
            ++ended;
        };
        w.http.set_script([&](const HttpRequest& r) {
            w.http.delay_us = static_cast<Micros>(random.below(50)) * core::kMillisecond;  // of the next request
            auto out = w.bucket(r);
            CHECK(w.reader.read(w.bucket, w.clock.wall_us()));
            return out;
        });
        one.publish(World::answers("10.0.0.2"), end);
        two.publish(World::answers("10.0.0.2"), end);
        w.clock.advance(kMinute);
        CHECK(ended == 2);
        CHECK(w.reader.ip == "10.0.0.2");
        // What is there at the end is the newest.
        const auto current =
            open_list(w.bucket.objects.at(kCurrent), {key_a().public_key(), key_b().public_key()}, "prod");
        REQUIRE(current);
        CHECK(current->number.generation == w.reader.seen.generation);
    }
}

TEST_CASE("publisher: a foreign list is not written over, unless that is said", "[publisher]") {
    World w;
    w.reader = {};
    const SigningKey stranger = *SigningKey::make();
    w.http.set_script([&w](const HttpRequest& r) { return w.bucket(r); });
    for (const std::string& bytes : {signed_list(list_of(7), stranger), std::string("<html>"), std::string()}) {
        w.bucket.objects = {{kCurrent, bytes}};
        const auto refused = w.publish("10.0.0.1");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Code::kRefused);
        CHECK(refused.error().hint.find("--replace") != std::string::npos);
        CHECK(w.bucket.objects.at(kCurrent) == bytes);
        auto plan = w.plan();
        plan.replace = true;
        CHECK(w.publish(plan, World::answers("10.0.0.1"))->written);
        CHECK(w.bucket.objects.at(kCurrent) != bytes);
    }
}

TEST_CASE("publisher: broken objects in the way cost their number", "[publisher]") {
    World w;
    const auto first = w.publish("10.0.0.1");
    const auto at = first->list.number.generation;
    w.bucket.objects[kFolder + generation_name(at + 1)] = "half a li";
    const auto next = w.publish("10.0.0.2");
    REQUIRE(next);
    CHECK(next->list.number.generation == at + 2);
    for (std::uint64_t i = 3; i < 40; ++i)
        w.bucket.objects[kFolder + generation_name(at + i)] = "x";
    CHECK(w.publish("10.0.0.3").error().code == Code::kRefused);
    CHECK(w.reader.ip == "10.0.0.2");
}

TEST_CASE("publisher: a store that goes back does not take a running publisher along", "[publisher]") {
    World w;
    Publisher publisher(w.clock, w.store, w.plan());
    const auto publish = [&](const std::string& ip) {
        std::optional<core::Result<Published>> out;
        publisher.publish(World::answers(ip), [&](core::Result<Published> result) { out = std::move(result); });
        w.clock.advance(kMinute);
        REQUIRE(out);
        return **out;
    };
    const auto old = publish("10.0.0.1");
    const auto kept = w.bucket.objects;
    const auto newer = publish("10.0.0.2");
    w.bucket.objects = kept;  // restored from a backup, or by somebody who may write the bucket
    const auto again = publish("10.0.0.2");
    CHECK(again.list.number > newer.list.number);
    CHECK(w.reader.seen == again.list.number);
    w.bucket.objects.clear();
    const auto anew = publish("10.0.0.2");
    CHECK(anew.list.number > again.list.number);
    CHECK(w.reader.ip == "10.0.0.2");
}

TEST_CASE("publisher: numbers of a bucket that was lost begin above the old ones", "[publisher]") {
    World w;
    const auto old = w.publish("10.0.0.1");
    w.clock.advance(kHour);
    w.bucket.objects.clear();
    const auto anew = w.publish("10.0.0.1");
    CHECK(anew->list.number > old->list.number);
}

TEST_CASE("publisher: a dry run writes nothing", "[publisher]") {
    World w;
    auto plan = w.plan();
    plan.dry_run = true;
    const auto would = w.publish(plan, World::answers("10.0.0.1"));
    REQUIRE(would);
    CHECK_FALSE(would->written);
    CHECK(open_list(would->bytes, {key_a().public_key()}, "prod"));
    CHECK(w.bucket.writes.empty());
}
