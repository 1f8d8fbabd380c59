// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/zone_change.h"

#include "core/random.h"
#include "tests/unit/agent/publish/memory_zones.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::publish;

namespace {

const EndpointSet kTwo = {at("10.0.1.23", "cn-hangzhou-h"), at("10.0.2.9", "cn-hangzhou-i")};
const EndpointSet kMoved = {at("10.0.1.99", "cn-hangzhou-h"), at("10.0.2.9", "cn-hangzhou-i")};
using Values = std::vector<std::string>;

}  // namespace

TEST_CASE("zone change: published, again without a change, changed, undone", "[publish]") {
    MemoryZones cloud;
    auto done = publish_zone(cloud, wish_for(kTwo), cloud.options());
    REQUIRE(done);
    CHECK(done->done.size() == 8);
    CHECK(done->zone == "zone1");
    CHECK(cloud.answer() == Values{"10.0.1.23", "10.0.2.9"});
    CHECK(cloud.answer("aliyun_r_cn-hangzhou-h") == Values{"10.0.1.23"});
    CHECK(cloud.zones[0].ours());
    CHECK(cloud.zones[0].vpcs == std::vector<BoundVpc>{kVpc});
    done = publish_zone(cloud, wish_for(kTwo), cloud.options());
    REQUIRE(done);
    CHECK(done->done.empty());
    cloud.now += core::kMinute;
    REQUIRE(publish_zone(cloud, wish_for(kMoved), cloud.options()));
    CHECK(cloud.answer() == Values{"10.0.1.99", "10.0.2.9"});
    CHECK(cloud.answer("aliyun_r_cn-hangzhou-h") == Values{"10.0.1.99"});
    CHECK_FALSE(cloud.was_empty);
    cloud.undoing = true;
    REQUIRE(undo_zone(cloud, "db.example.com", {kVpc}, cloud.options()));
    CHECK(cloud.zones.empty());
}

TEST_CASE("zone change: killed at each step, the next run completes it", "[publish]") {
    for (int steps = 0; steps < 9; ++steps) {
        INFO("killed after " << steps);
        MemoryZones cloud;
        cloud.writes_left = steps;
        const bool whole = publish_zone(cloud, wish_for(kTwo), cloud.options()).has_value();
        CHECK(whole == (steps >= 8));
        cloud.writes_left = -1;
        cloud.now += core::kSecond;
        const auto done = publish_zone(cloud, wish_for(kTwo), cloud.options());
        REQUIRE(done);
        CHECK(done->rest.left == ZonePlan::Left::kNothing);
        CHECK(cloud.zones.size() == 1);
        CHECK(cloud.answer() == Values{"10.0.1.23", "10.0.2.9"});
        CHECK(cloud.zones[0].vpcs.size() == 1);
        CHECK_FALSE(cloud.was_empty);
        // A zone that was made, but not yet marked, could be anybody's: it stays, and that is said.
        CHECK(cloud.zones[0].ours() == (steps != 1));
        cloud.undoing = true;
        const auto undone = undo_zone(cloud, "db.example.com", {kVpc}, cloud.options());
        REQUIRE(undone);
        CHECK(cloud.zones.empty() == (steps != 1));
        CHECK((undone->rest.left == ZonePlan::Left::kZoneStays) == (steps == 1));
        CHECK(cloud.answer().empty());
    }
}

TEST_CASE("zone change: a change killed at each step is completed, and never leaves nothing", "[publish]") {
    for (int steps = 0; steps < 7; ++steps) {
        INFO("killed after " << steps);
        MemoryZones cloud;
        REQUIRE(publish_zone(cloud, wish_for(kTwo), cloud.options()));
        cloud.now += core::kMinute;
        cloud.writes_left = steps;
        (void)publish_zone(cloud, wish_for(kMoved), cloud.options());
        CHECK_FALSE(cloud.answer().empty());
        cloud.writes_left = -1;
        cloud.now += core::kSecond;
        REQUIRE(publish_zone(cloud, wish_for(kMoved), cloud.options()));
        CHECK(cloud.answer() == Values{"10.0.1.99", "10.0.2.9"});
        CHECK(cloud.answer("aliyun_r_cn-hangzhou-h") == Values{"10.0.1.99"});
        CHECK_FALSE(cloud.was_empty);
    }
}

TEST_CASE("zone change: undo killed at each step is completed", "[publish]") {
    for (int steps = 0; steps < 8; ++steps) {
        INFO("killed after " << steps);
        MemoryZones cloud;
        REQUIRE(publish_zone(cloud, wish_for(kTwo), cloud.options()));
        cloud.undoing = true;
        cloud.writes_left = steps;
        (void)undo_zone(cloud, "db.example.com", {kVpc}, cloud.options());
        cloud.writes_left = -1;
        REQUIRE(undo_zone(cloud, "db.example.com", {kVpc}, cloud.options()));
        CHECK(cloud.zones.empty());
    }
}

TEST_CASE("zone change: two publishers that want different things, interleaved at every step, leave an answer",
          "[publish]") {
    // The other one runs as a whole before the n-th write of the first; then both again, until they agree.
    const EndpointSet other = {at("10.0.3.1", "cn-hangzhou-j")};
    for (int at_write = 0; at_write < 8; ++at_write) {
        INFO("before write " << at_write);
        MemoryZones cloud;
        REQUIRE(publish_zone(cloud, wish_for(kTwo, "host-c"), cloud.options()));
        cloud.now += 11 * core::kMinute;  // host-c is gone
        int writes = 0;
        bool running = false;
        cloud.before_write = [&] {
            if (running || writes++ != at_write) return;
            running = true;
            (void)publish_zone(cloud, wish_for(other, "host-b"), cloud.options());
            running = false;
        };
        (void)publish_zone(cloud, wish_for(kMoved, "host-a"), cloud.options());
        cloud.before_write = [] {};
        CHECK_FALSE(cloud.answer().empty());
        CHECK_FALSE(cloud.was_empty);
        for (int round = 0; round < 4; ++round) {  // a learns what b knew
            cloud.now += core::kMinute;
            REQUIRE(publish_zone(cloud, wish_for(other, "host-a"), cloud.options()));
            REQUIRE(publish_zone(cloud, wish_for(other, "host-b"), cloud.options()));
        }
        CHECK(cloud.answer() == Values{"10.0.3.1"});
        CHECK_FALSE(cloud.was_empty);
    }
}

TEST_CASE("zone change: publishers with random wishes, killed at random steps: never an empty answer", "[publish]") {
    core::SeededRandom random(19);
    MemoryZones cloud;
    REQUIRE(publish_zone(cloud, wish_for(kTwo), cloud.options()));
    for (int run = 0; run < 2000; ++run) {
        EndpointSet addresses;
        for (const auto& a :
             {at("10.0.1.23", "cn-hangzhou-h"), at("10.0.2.9", "cn-hangzhou-i"), at("10.0.3.1", "cn-hangzhou-j")}) {
            if (random.below(2) == 0) addresses.push_back(a);
        }
        cloud.now += static_cast<core::Micros>(random.below(400)) * core::kSecond;
        cloud.writes_left = random.below(3) == 0 ? static_cast<int>(random.below(8)) : -1;
        const auto done =
            publish_zone(cloud, wish_for(addresses, random.below(2) == 0 ? "host-a" : "host-b"), cloud.options());
        REQUIRE_FALSE(cloud.answer().empty());
        REQUIRE_FALSE(cloud.was_empty);
        if (done && done->rest.left == ZonePlan::Left::kNothing) {
            Values wanted;
            for (const auto& a : addresses)
                wanted.push_back(a.ip.text());
            REQUIRE(cloud.answer() == wanted);
        }
    }
}

TEST_CASE("zone change: what the API does not show yet is waited for, not done twice", "[publish]") {
    struct Lagging final : ZoneStore {
        MemoryZones real;
        std::vector<PrivateZone> shown;
        int lag = 0, looks = 0;
        core::Result<std::vector<PrivateZone>> look(const std::string& host) override {
            if (++looks % (lag + 1) == 0) shown = *real.look(host);
            return shown;
        }
        core::Result<std::string> make(const std::string& host) override { return real.make(host); }
        core::Result<void> carry_out(const std::string& zone, const Step& step) override {
            return real.carry_out(zone.empty() ? "zone1" : zone, step);
        }
    };
    Lagging cloud;
    cloud.lag = 3;
    int slept = 0;
    ChangeOptions options = cloud.real.options();
    options.sleep = [&](core::Micros) { return ++slept > 0; };
    REQUIRE(publish_zone(cloud, wish_for(kTwo), options));
    CHECK(cloud.real.zones.size() == 1);
    CHECK(cloud.real.answer().size() == 2);
    CHECK(slept > 0);
    // Never shown: an error, not a loop.
    Lagging blind;
    blind.lag = 1'000'000;
    const auto lost = publish_zone(blind, wish_for(kTwo), options);
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code == core::Code::kApiBadReply);
    CHECK(blind.real.zones.size() == 1);
    options.sleep = [](core::Micros) { return false; };
    Lagging stopped;
    stopped.lag = 3;
    CHECK(publish_zone(stopped, wish_for(kTwo), options).error().code == core::Code::kCancelled);
}

TEST_CASE("zone change: somebody who undoes every step does not hold the run for ever", "[publish]") {
    MemoryZones cloud;
    REQUIRE(publish_zone(cloud, wish_for(kTwo), cloud.options()));
    cloud.now += core::kMinute;
    int turn = 0;
    cloud.before_write = [&] {  // the record of one line, then of the other, over and over
        auto& records = cloud.zones[0].records;
        const std::string line = ++turn % 2 == 0 ? "aliyun_r_cn-hangzhou-h" : "aliyun_r_cn-hangzhou-i";
        std::erase_if(records, [&](const auto& r) { return r.line == line; });
    };
    cloud.zones[0].records.erase(cloud.zones[0].records.begin());
    const auto done = publish_zone(cloud, wish_for(kTwo), cloud.options());
    REQUIRE_FALSE(done);
    CHECK(done.error().code == core::Code::kApiBadReply);
}

TEST_CASE("zone change: a view changes nothing", "[publish]") {
    MemoryZones cloud;
    const auto view = view_zone(cloud, wish_for(kTwo), kNow);
    REQUIRE(view);
    CHECK_FALSE(view->zone);
    CHECK(view->plan.steps.size() == 8);
    CHECK(cloud.zones.empty());
    REQUIRE(publish_zone(cloud, wish_for(kTwo), cloud.options()));
    const auto undo = view_undo(cloud, "db.example.com", {kVpc});
    REQUIRE(undo);
    CHECK(undo->zone->id == "zone1");
    CHECK(undo->plan.steps.size() == 7);
    CHECK(cloud.zones.size() == 1);
}
