// SPDX-License-Identifier: Apache-2.0
// Endpoint sets over hours of polls, failures, odd replies and reloads, on fake time.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "agent/discovery/endpoint_sync.h"
#include "agent/discovery/snapshot_store.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;
using core::IpAddress;
using core::kDay;
using core::kHour;
using core::kMinute;
using core::kSecond;

namespace {

/// Zones by endpoint, and errors; answers after a moment, or in the same call.
struct FakeCloud final : Provider {
    explicit FakeCloud(FakeClock& c) : clock(c) {}
    void describe_endpoint(const std::string& id, Callback done) override {
        ++polls[id];
        last_poll = clock.mono_us();
        if (at_once) return done(answer(id));
        if (silent) return;
        ++under_way;
        most = std::max(most, under_way);
        clock.set_alarm(clock.mono_us() + 20 * core::kMillisecond, [this, id, done] {
            --under_way;
            done(answer(id));
        });
    }
    core::Micros not_before_mono_us() const override { return not_before; }
    core::Result<EndpointReport> answer(const std::string& id) {
        if (errors.count(id) != 0) return core::fail(errors.at(id));
        if (errors.count("*") != 0) return core::fail(errors.at("*"));
        EndpointReport r = reports[id];
        r.request_id = "R-" + std::to_string(++replies);
        return r;
    }
    void put(const std::string& id, std::vector<std::pair<std::string, std::string>> zones) {
        EndpointReport r{
            .endpoint_id = id, .status = "Active", .business_status = "Normal", .connection_status = "Connected"};
        for (auto& [zone, ip] : zones)
            r.zones.push_back({zone, "Connected", IpAddress::parse(ip), {}, ""});
        reports[id] = r;
    }
    int total() const {
        int n = 0;
        for (const auto& [id, count] : polls)
            n += count;
        return n;
    }

    FakeClock& clock;
    std::map<std::string, EndpointReport> reports;
    std::map<std::string, core::Error> errors;
    std::map<std::string, int> polls;
    core::Micros not_before = 0, last_poll = 0;
    int replies = 0, under_way = 0, most = 0;
    bool at_once = false, silent = false;
};

core::Error error(Code code, const std::string& what = "trouble") {
    return {code, what, "a hint", 0};
}

LinkConfig on(const std::string& name, std::vector<std::string> endpoints, std::vector<std::string> zones = {}) {
    LinkConfig l;
    l.name = name;
    l.endpoints = std::move(endpoints);
    l.zones = std::move(zones);
    return l;
}

struct World : EndpointSync::Listener {
    FakeClock clock;
    core::SeededRandom random{3};
    FakeCloud cloud{clock};
    std::vector<std::string> changes;  // "link: addresses"
    std::vector<std::string> log;
    std::vector<std::string> events;
    int saves = 0;
    std::set<IpAddress> working;
    std::unique_ptr<EndpointSync> sync;
    Config config;

    World() {
        core::capture_log([this](core::Level, std::string_view event, const std::string& line) {
            events.emplace_back(event);
            log.push_back(line);
        });
        make();
    }
    ~World() override { core::capture_log({}); }
    void make() { sync = std::make_unique<EndpointSync>(clock, random, cloud, *this); }
    void on_addresses(const std::string& l, const EndpointSet& addresses) override {
        CHECK(sync->status(l).addresses == addresses);
        changes.push_back(l + ": " + describe(addresses));
    }
    void save_addresses() override { ++saves; }
    bool may_work(const IpAddress& ip) const override { return working.count(ip) != 0; }
    void begin(std::vector<LinkConfig> links) {
        config.links = std::move(links);
        sync->configure(config);
        sync->start();
        clock.advance(kSecond);
    }
    std::string served(const std::string& l) const { return describe(sync->status(l).addresses); }
    long count(const std::string& event) const { return std::count(events.begin(), events.end(), event); }
};

}  // namespace

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
    CHECK(w.cloud.total() >= 54);
    CHECK(w.cloud.total() <= 68);
    CHECK(w.changes.size() == 2);
    CHECK(w.count("endpoint_changed") == 2);
    CHECK(w.saves <= 3);  // a quiet hour does not wear the disk
}

TEST_CASE("sync: a changed address is served within 1.1 intervals, with one log line and the request id", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}, {"i", "10.0.1.1"}});
    w.begin({on("a", {"ep-1"})});
    w.clock.advance(10 * kMinute);
    w.cloud.put("ep-1", {{"h", "10.0.0.9"}, {"i", "10.0.1.1"}});
    w.clock.advance(66 * kSecond + kSecond);
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

TEST_CASE("sync: failures back off, and another error is reported at once", "[sync]") {
    World w;
    w.cloud.errors["*"] = error(Code::kApiUnavailable, "HTTP 503");
    w.begin({on("a", {"ep-1"})});
    CHECK_FALSE(w.sync->status("a").known);
    CHECK(w.sync->status("a").source == "none");
    w.clock.advance(kMinute);
    CHECK(w.cloud.total() >= 4);
    CHECK(w.cloud.total() <= 8);
    w.clock.advance(kHour);
    CHECK(w.cloud.total() <= 30);
    CHECK(w.count("discovery_failed") <= 2);
    w.cloud.errors["*"] = error(Code::kTlsFailed, "certificate");
    w.clock.advance(6 * kMinute);
    CHECK(w.log.back().find("certificate") != std::string::npos);
    w.cloud.errors.clear();
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.clock.advance(6 * kMinute);
    CHECK(w.served("a") == "10.0.0.1 (h)");
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
    CHECK(w.served("a") == "none");
    CHECK(w.sync->status("a").waiting_for.find("is being deleted") != std::string::npos);
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

TEST_CASE("sync: a hundred endpoints start four at a time, and spread", "[sync]") {
    World w;
    std::vector<LinkConfig> links;
    for (int i = 0; i < 100; ++i) {
        const std::string id = "ep-" + std::to_string(i);
        w.cloud.put(id, {{"h", "10.0." + std::to_string(i) + ".1"}});
        for (int k = 0; k < 10; ++k)
            links.push_back(on("link-" + std::to_string(i) + "-" + std::to_string(k), {id}));
    }
    w.begin(links);
    CHECK(w.cloud.total() == 100);
    CHECK(w.cloud.most == 4);
    CHECK(w.changes.size() == 1000);
    w.clock.advance(kHour);
    CHECK(w.cloud.total() > 5000);
    CHECK(w.cloud.total() < 7000);
    CHECK(w.cloud.most <= 4);
}

TEST_CASE("sync: refresh asks now, is done when all have answered, and can't be used to hammer", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    w.clock.advance(5 * kSecond);
    w.cloud.put("ep-1", {{"h", "10.0.0.2"}});
    int done = 0;
    w.sync->refresh([&] {
        ++done;
        CHECK(w.served("a") == "10.0.0.2 (h)");
    });
    CHECK(done == 0);
    w.clock.advance(kSecond);
    CHECK(done == 1);
    const int polls = w.cloud.total();
    for (int i = 0; i < 100; ++i)
        w.sync->refresh([&] { ++done; });
    w.clock.advance(100 * core::kMillisecond);
    CHECK(done == 1);
    CHECK(w.cloud.total() == polls);
    w.cloud.put("ep-1", {{"h", "10.0.0.3"}});
    w.clock.advance(kSecond);
    CHECK(done == 101);  // one more round for all of them
    CHECK(w.served("a") == "10.0.0.3 (h)");
    CHECK(w.cloud.total() == polls + 1);
    CHECK(w.sync->status("a").asked_wall_us >= w.sync->status("a").confirmed_wall_us);
    w.cloud.put("ep-1", {});
    w.clock.advance(2 * kSecond);
    const Micros before = w.clock.wall_us();
    w.sync->refresh({});
    w.clock.advance(kSecond);
    CHECK(w.cloud.total() == polls + 2);
    CHECK(w.sync->status("a").confirmed_wall_us < before);  // not believed
    CHECK(w.sync->status("a").asked_wall_us >= before);
    World none;
    none.begin({});
    none.sync->refresh([&] { ++done; });
    none.clock.advance(kSecond);
    CHECK(done == 102);
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

TEST_CASE("sync: throttling pauses everyone and stretches the interval for a while", "[sync]") {
    World w;
    w.config.aliyun.poll_max_interval_us = kMinute;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    w.cloud.errors["*"] = error(Code::kApiThrottled, "Throttling.User");
    w.cloud.not_before = w.clock.mono_us() + 20 * kMinute;
    w.clock.advance(2 * kMinute);
    const int polls = w.cloud.total();
    w.clock.advance(17 * kMinute);
    CHECK(w.cloud.total() == polls);
    w.clock.advance(4 * kHour);
    const int throttled = w.cloud.total() - polls;
    CHECK(throttled >= 8);
    CHECK(throttled <= 40);  // up to half an hour apart
    w.cloud.errors.clear();
    w.clock.advance(12 * kHour);
    const int calm = w.cloud.total();
    w.clock.advance(kHour);
    CHECK(w.cloud.total() - calm >= 54);
    CHECK(w.served("a") == "10.0.0.1 (h)");
}

TEST_CASE("sync: while nothing changes the interval grows to poll_max_interval, a doubt brings it back", "[sync]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    w.clock.advance(10 * kHour);
    int before = w.cloud.total();
    w.clock.advance(kHour);
    CHECK(w.cloud.total() - before <= 14);
    CHECK(w.cloud.total() - before >= 10);
    // A probe fails: asked within half a minute, once, and often again for an hour.
    before = w.cloud.total();
    for (int i = 0; i < 100; ++i)
        w.sync->probe_failed("a");
    w.sync->probe_failed("nobody");
    w.clock.advance(kMinute);
    CHECK(w.cloud.total() - before >= 1);
    CHECK(w.cloud.total() - before <= 2);
    before = w.cloud.total();
    for (int i = 0; i < 600; ++i) {
        w.sync->probe_failed("a");
        w.clock.advance(100 * core::kMillisecond);
    }
    CHECK(w.cloud.total() - before <= 2);
    w.clock.advance(30 * kMinute);
    CHECK(w.cloud.total() - before >= 28);
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

TEST_CASE("sync: a provider that answers inside the call, and one that never answers", "[sync]") {
    World w;
    w.cloud.at_once = true;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    CHECK(w.served("a") == "10.0.0.1 (h)");
    w.clock.advance(kHour);
    CHECK(w.cloud.total() >= 54);
    World mute;
    mute.cloud.silent = true;
    mute.begin({on("a", {"ep-1"})});
    mute.clock.advance(kHour);
    CHECK(mute.cloud.total() == 1);
    mute.sync->stop();
    mute.sync.reset();
    mute.clock.advance(kHour);
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
