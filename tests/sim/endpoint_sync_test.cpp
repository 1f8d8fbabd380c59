// SPDX-License-Identifier: Apache-2.0
// Endpoint sets over hours of failures, odd replies and reloads, on fake time.
#include "agent/discovery/snapshot_store.h"
#include "tests/sim/sync_world.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

TEST_CASE("sync: fixed addresses are known inside configure, without a poll", "[sync]") {
    World w;
    LinkConfig fixed;
    fixed.name = "db";
    fixed.addresses = {*IpAddress::parse("10.0.1.23"), *IpAddress::parse("10.0.0.1")};
    w.config.links = {fixed};
    w.sync->configure(w.config);
    CHECK(w.changes == std::vector<std::string>{"db: 10.0.0.1, 10.0.1.23"});
    CHECK(w.sync->status("db").source == "fixed");
    CHECK(w.sync->status("db").known);
    w.sync->start();
    w.clock.advance(kHour);
    CHECK(w.cloud.total() == 0);
    CHECK(w.changes.size() == 1);
    CHECK(w.sync->status("nobody").source == "none");
}

TEST_CASE("sync: links on one endpoint share its polls, each with its own zones", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}, {"i", "10.0.1.1"}});
    w.begin({on("a", {"ep-1"}), on("b", {"ep-1"}, {"i"})});
    CHECK(w.served("a") == "10.0.0.1 (h), 10.0.1.1 (i)");
    CHECK(w.served("b") == "10.0.1.1 (i)");
    CHECK(w.cloud.total() == 1);
    CHECK(w.sync->status("a").source == "api");
    CHECK(w.sync->status("a").request_id == "R-1");
    w.clock.advance(kHour);
    CHECK(w.cloud.total() >= 15);
    CHECK(w.cloud.total() <= 25);
    CHECK(w.changes.size() == 2);
    CHECK(w.count("endpoint_changed") == 2);
    CHECK(w.saves <= 3);  // a quiet hour does not wear the disk
}

TEST_CASE("sync: a changed address is served within the longest interval, with one log line and the request id",
          "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}, {"i", "10.0.1.1"}});
    w.begin({on("a", {"ep-1"})});
    w.clock.advance(10 * kMinute);
    w.cloud.put("ep-1", {{"h", "10.0.0.9"}, {"i", "10.0.1.1"}});
    w.clock.advance(5 * kMinute + kSecond);
    CHECK(w.served("a") == "10.0.0.9 (h), 10.0.1.1 (i)");
    REQUIRE(w.count("endpoint_changed") == 2);
    const std::string& line = w.log.back();
    CHECK(line.find("10.0.0.1 (h), 10.0.1.1 (i) → 10.0.0.9 (h), 10.0.1.1 (i)") != std::string::npos);
    CHECK(line.find("request_id=R-") != std::string::npos);
    CHECK(w.sync->counters().changes == 2);
}

TEST_CASE("sync: an API that fails for a day changes nothing and says so once an hour", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.cloud.put("ep-2", {{"i", "10.0.1.1"}});
    w.begin({on("a", {"ep-1", "ep-2"})});
    const auto confirmed = w.sync->status("a").confirmed_wall_us;
    w.cloud.errors["*"] = error(Code::kApiDenied, "List: NoPermission (RequestId AAA)");
    w.clock.advance(kDay);
    CHECK(w.served("a") == "10.0.0.1 (h), 10.0.1.1 (i)");
    CHECK(w.changes.size() == 1);
    CHECK(w.count("discovery_failed") >= 20);
    CHECK(w.count("discovery_failed") <= 25);
    const auto status = w.sync->status("a");
    REQUIRE(status.error);
    CHECK(status.error->hint == "a hint");
    CHECK(status.confirmed_wall_us == confirmed);
    CHECK(status.error_since_wall_us - confirmed <= 66 * kSecond);
    w.cloud.errors.clear();
    w.clock.advance(5 * kMinute);
    CHECK_FALSE(w.sync->status("a").error);
    CHECK(w.count("discovery_recovered") == 1);
    CHECK(w.changes.size() == 1);
}

TEST_CASE("sync: the snapshot serves until the API answers, then the API counts", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    Snapshot snapshot;
    w.sync->fill(snapshot);
    CHECK(snapshot.sources.size() == 1);

    w.make();
    w.changes.clear();
    w.cloud.errors["*"] = error(Code::kConnectFailed);
    w.sync->configure(w.config);
    w.sync->restore(snapshot);
    CHECK(w.changes == std::vector<std::string>{"a: 10.0.0.1 (h)"});
    CHECK(w.sync->status("a").source == "snapshot");
    w.sync->start();
    w.clock.advance(kHour);
    CHECK(w.served("a") == "10.0.0.1 (h)");
    CHECK(w.sync->status("a").source == "snapshot");
    w.cloud.errors.clear();
    w.clock.advance(6 * kMinute);
    CHECK(w.sync->status("a").source == "api");
    CHECK(w.changes.size() == 1);  // the same addresses
    w.make();
    w.cloud.put("ep-1", {{"h", "10.0.0.2"}});
    w.sync->configure(w.config);
    w.sync->restore(snapshot);
    w.sync->start();
    w.clock.advance(kSecond);
    CHECK(w.served("a") == "10.0.0.2 (h)");
}

TEST_CASE("sync: suspicious emptiness is kept and warned about, a stated end is believed", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}, {"i", "10.0.1.1"}});
    w.begin({on("a", {"ep-1"})});
    w.cloud.put("ep-1", {});
    w.clock.advance(kDay);
    CHECK(w.served("a") == "10.0.0.1 (h), 10.0.1.1 (i)");
    CHECK(w.count("discovery_doubtful") == 1);
    REQUIRE(w.sync->warnings().size() == 1);
    CHECK(w.sync->warnings()[0].find("the API lists no zones any more") != std::string::npos);
    CHECK_FALSE(w.sync->status("a").waiting_for.empty());
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}, {"i", "10.0.1.1"}});
    w.cloud.reports["ep-1"].status = "Deleting";
    w.working = {*IpAddress::parse("10.0.0.1")};
    w.clock.advance(2 * kMinute);
    CHECK(w.served("a") == "10.0.0.1 (h)");  // a probe still reaches it: the grace time
    w.clock.advance(12 * kMinute);
    CHECK(w.served("a") == "10.0.0.1 (h)");  // the last one stays, and it is said whose move it is
    CHECK(w.sync->status("a").waiting_for.find("is being deleted") != std::string::npos);
    REQUIRE(w.sync->warnings().size() == 1);
    CHECK(w.sync->warnings()[0].find("the last known stay in use: 10.0.0.1 (h)") != std::string::npos);
}

TEST_CASE("sync: an endpoint that has ended leaves when another has addresses, and comes back with its connection",
          "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}, {"i", "10.0.1.1"}});
    w.cloud.put("ep-2", {{"j", "10.0.2.1"}});
    w.begin({on("a", {"ep-1", "ep-2"}), on("b", {"ep-1"}), on("c", {"ep-1"}, {"i"})});
    w.cloud.reports["ep-1"].connection_status = "Disconnected";
    w.clock.advance(20 * kMinute);
    CHECK(w.served("a") == "10.0.2.1 (j)");
    CHECK(w.served("b") == "10.0.0.1 (h), 10.0.1.1 (i)");
    CHECK(w.served("c") == "10.0.1.1 (i)");
    CHECK(w.sync->status("b").waiting_for.find("accept it in TDengine's console") != std::string::npos);
    Snapshot snapshot;
    w.sync->fill(snapshot);
    CHECK(describe(snapshot.sources.at("ep-1").addresses) == "10.0.0.1 (h), 10.0.1.1 (i)");
    {  // after a restart the API does not answer: the one that had ended is still left out beside another
        World again;
        again.cloud.errors["*"] = error(Code::kConnectFailed);
        again.config = w.config;
        again.sync->configure(again.config);
        again.sync->restore(snapshot);
        CHECK(again.served("a") == "10.0.2.1 (j)");
        CHECK(again.served("b") == "10.0.0.1 (h), 10.0.1.1 (i)");
    }
    // One zone is enough for the endpoint; a link that names the other one keeps what it has.
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.cloud.reports["ep-1"].zones.push_back({"i", "Disconnected", IpAddress::parse("10.0.1.1"), {}, ""});
    w.clock.advance(20 * kMinute);
    CHECK(w.served("b") == "10.0.0.1 (h)");
    CHECK(w.served("c") == "10.0.1.1 (i)");
    w.sync->fill(snapshot);
    World again;
    again.config = w.config;
    again.sync->configure(again.config);
    again.sync->restore(snapshot);
    CHECK(again.served("c") == "10.0.1.1 (i)");
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}, {"i", "10.0.1.9"}});
    w.clock.advance(6 * kMinute);
    CHECK(w.served("a") == "10.0.0.1 (h), 10.0.1.9 (i), 10.0.2.1 (j)");
    CHECK(w.served("c") == "10.0.1.9 (i)");
}

TEST_CASE("sync: an endpoint that is not found is withdrawn after the grace time where others are left", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.cloud.put("ep-2", {{"i", "10.0.1.1"}});
    w.begin({on("a", {"ep-1", "ep-2"}), on("b", {"ep-1"})});
    w.cloud.errors["ep-1"] = error(Code::kApiNotFound, "EndpointNotFound");
    w.clock.advance(9 * kMinute);
    CHECK(w.served("a") == "10.0.0.1 (h), 10.0.1.1 (i)");
    w.clock.advance(8 * kMinute);
    CHECK(w.served("a") == "10.0.1.1 (i)");
    CHECK(w.served("b") == "10.0.0.1 (h)");  // nothing else is left: maybe only the account changed
    w.cloud.errors.clear();
    w.clock.advance(6 * kMinute);
    CHECK(w.served("a") == "10.0.0.1 (h), 10.0.1.1 (i)");
}

TEST_CASE("sync: half a set is not published at the start", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.cloud.put("ep-2", {{"i", "10.0.1.1"}});
    w.cloud.errors["ep-2"] = error(Code::kTimeout);
    w.begin({on("a", {"ep-1", "ep-2"})});
    CHECK(w.changes == std::vector<std::string>{"a: 10.0.0.1 (h)"});  // once it is known that the other fails
    w.cloud.errors.clear();
    w.clock.advance(kMinute);
    CHECK(w.changes.size() == 2);
    World both;
    both.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    both.cloud.put("ep-2", {{"i", "10.0.1.1"}});
    both.begin({on("a", {"ep-1", "ep-2"})});
    CHECK(both.changes == std::vector<std::string>{"a: 10.0.0.1 (h), 10.0.1.1 (i)"});
}

TEST_CASE("sync: a reload keeps what stays, asks for what is new, forgets what goes", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}, {"i", "10.0.1.1"}});
    w.cloud.put("ep-2", {{"h", "10.0.2.1"}});
    w.begin({on("a", {"ep-1"}), on("b", {"ep-1"})});
    w.changes.clear();
    w.config.links = {on("a", {"ep-1"}, {"h"}), on("c", {"ep-2"})};
    w.sync->configure(w.config);
    CHECK(w.changes == std::vector<std::string>{"a: 10.0.0.1 (h)"});
    CHECK(w.sync->status("b").source == "none");
    w.clock.advance(kSecond);
    CHECK(w.served("c") == "10.0.2.1 (h)");
    // The endpoint of a link is replaced by one that does not answer yet: the old addresses serve meanwhile.
    w.cloud.errors["ep-3"] = error(Code::kTimeout);
    w.config.links = {on("c", {"ep-3"})};
    w.sync->configure(w.config);
    w.clock.advance(kMinute);
    CHECK(w.served("c") == "10.0.2.1 (h)");
    w.cloud.errors.clear();
    w.cloud.put("ep-3", {{"h", "10.0.3.1"}});
    w.clock.advance(5 * kMinute);
    CHECK(w.served("c") == "10.0.3.1 (h)");
    // While its poll is under way.
    for (int i = 0; i < 50; ++i) {
        w.config.links = {on("c", {i % 2 == 0 ? "ep-1" : "ep-2"})};
        w.sync->configure(w.config);
        w.clock.advance((i % 5) * 7 * core::kMillisecond);
    }
    w.clock.advance(kMinute);
    CHECK(w.served("c") == "10.0.2.1 (h)");
    CHECK(w.cloud.most <= 50);
    const int before = w.cloud.total();
    w.config.aliyun.poll_interval_us = 2 * kSecond;
    w.sync->configure(w.config);
    w.clock.advance(20 * kSecond);
    CHECK(w.cloud.total() >= before + 8);
}

TEST_CASE("sync: a zone that flaps in the replies never leaves the answer", "[sync]") {
    World w;
    const std::vector<std::pair<std::string, std::string>> both{{"h", "10.0.0.1"}, {"i", "10.0.1.1"}};
    w.cloud.put("ep-1", both);
    w.begin({on("a", {"ep-1"})});
    for (int i = 0; i < 300; ++i) {
        w.cloud.put("ep-1", i % 3 == 0 ? both : std::vector<std::pair<std::string, std::string>>{{"h", "10.0.0.1"}});
        w.clock.advance(kMinute);
    }
    CHECK(w.changes.size() == 1);
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.clock.advance(13 * kMinute);
    CHECK(w.served("a") == "10.0.0.1 (h)");
}

TEST_CASE("sync: destroyed by its own callbacks", "[sync]") {
    struct Destroyer final : EndpointSync::Listener {
        std::unique_ptr<EndpointSync> sync;
        int calls = 0;
        void on_addresses(const std::string&, const EndpointSet&) override {
            ++calls;
            sync.reset();
        }
        void save_addresses() override {}
        bool may_work(const IpAddress&) const override { return false; }
    };
    FakeClock clock;
    core::SeededRandom random{5};
    FakeCloud cloud(clock);
    cloud.put("ep-1", {{"h", "10.0.0.1"}});
    Config config;
    config.links = {on("a", {"ep-1"}), on("b", {"ep-1"})};
    Destroyer destroyer;
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    destroyer.sync = std::make_unique<EndpointSync>(clock, random, cloud, destroyer);
    destroyer.sync->configure(config);
    destroyer.sync->start();
    clock.advance(kHour);
    CHECK(destroyer.calls == 1);
    core::capture_log({});
}
