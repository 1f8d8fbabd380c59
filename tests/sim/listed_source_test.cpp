// SPDX-License-Identifier: Apache-2.0
// The list before the API: which of them is asked, and how often.
#include "agent/fleet/listed_source.h"
#include "agent/discovery/endpoint_sync.h"
#include "tests/sim/sync_world.h"
#include "tests/unit/agent/fleet/fleet_fixture.h"

using namespace postern;
using namespace postern::test;

namespace {

struct ListWorld : StoreWorld, ListReader::Listener, EndpointSync::Listener {
    Bucket bucket;
    FakeCloud api{clock};
    FleetConfig fleet = fleet_config();
    ListReader reader{clock, random, store, *this};
    ListedSource source{clock, random, api, [] { return std::string("vpc-1"); }};
    EndpointSync sync{clock, random, source, *this};
    Config config;

    ListWorld() {
        http.set_script([this](const HttpRequest& r) { return bucket(r); });
        source.use(reader);
    }
    void list_news() override { source.list_news(); }
    void on_addresses(const std::string&, const EndpointSet&) override {}
    void save_addresses() override {}
    bool may_work(const IpAddress&) const override { return false; }

    void begin(std::vector<LinkConfig> links) {
        config.links = std::move(links);
        config.fleet = fleet;
        configure();
        reader.start();
        sync.start();
        clock.advance(kSecond);
    }
    void configure() {
        reader.configure(config.fleet);
        source.configure(config.fleet);
        sync.configure(config);
    }
    void put(std::uint64_t generation, const std::string& ip) {
        bucket.objects[kCurrent] = signed_list(list_of(generation, ip, clock.wall_us()));
    }
    std::string served(const std::string& link) const { return describe(sync.status(link).addresses); }
};

}  // namespace

TEST_CASE("listed source: what the list has is not asked of the API", "[listed_source]") {
    ListWorld w;
    w.put(1, "10.0.0.1");
    w.begin({on("a", {"ep-a"})});
    CHECK(w.served("a") == "10.0.0.1 (cn-hangzhou-h)");
    CHECK(w.sync.status("a").source == "list");
    w.clock.advance(kHour);
    w.put(2, "10.0.0.2");
    w.clock.advance(17 * kSecond);
    CHECK(w.served("a") == "10.0.0.2 (cn-hangzhou-h)");
    for (int i = 0; i < 100; ++i) {
        w.sync.probe_failed("a");
        w.clock.advance(kSecond);
    }
    CHECK(w.api.total() == 0);
    // As old as the cloud's word for it.
    CHECK(w.sync.status("a").confirmed_wall_us < w.clock.wall_us() - 90 * kSecond);
}

TEST_CASE("listed source: what the list lacks is asked of the API, slowly", "[listed_source]") {
    ListWorld w;
    w.put(1, "10.0.0.1");
    w.api.put("ep-b", {{"cn-hangzhou-h", "10.0.0.9"}});
    w.begin({on("a", {"ep-a"}), on("b", {"ep-b"})});
    CHECK(w.served("b") == "10.0.0.9 (cn-hangzhou-h)");
    CHECK(w.sync.status("b").source == "api");
    for (int i = 0; i < 60; ++i) {
        w.sync.probe_failed("b");
        w.clock.advance(kMinute);
    }
    CHECK(w.api.polls["ep-b"] >= 6);
    CHECK(w.api.polls["ep-b"] <= 8);
    CHECK(w.api.polls["ep-a"] == 0);
    CHECK_FALSE(w.sync.status("b").error);
}

TEST_CASE("listed source: fleet_only never asks the API, and keeps what it has", "[listed_source]") {
    ListWorld w;
    w.fleet.fleet_only = true;
    w.put(1, "10.0.0.1");
    w.begin({on("a", {"ep-a"}), on("b", {"ep-b"})});
    REQUIRE(w.sync.status("b").error);
    CHECK(w.sync.status("b").error->what.find("has no ep-b") != std::string::npos);
    FleetList other = list_of(2, "10.0.0.2", w.clock.wall_us());
    other.endpoints.clear();
    other.endpoints["ep-c"] = report_of("ep-c", "10.0.0.3");
    w.bucket.objects[kCurrent] = signed_list(other);
    w.clock.advance(2 * kHour);
    CHECK(w.served("a") == "10.0.0.1 (cn-hangzhou-h)");  // the cloud has not said that it is gone
    w.clock.advance(2 * kDay);                           // expired
    CHECK(w.served("a") == "10.0.0.1 (cn-hangzhou-h)");
    CHECK(w.sync.status("a").error->what.find("past its time") != std::string::npos);
    CHECK(w.api.total() == 0);
}

TEST_CASE("listed source: a new host whose store is down asks the API at once", "[listed_source]") {
    ListWorld w;
    w.http.set_script([](const auto&) { return core::fail(Code::kConnectFailed, "down"); });
    w.api.put("ep-a", {{"cn-hangzhou-h", "10.0.0.9"}});
    w.begin({on("a", {"ep-a"})});
    CHECK(w.served("a") == "10.0.0.9 (cn-hangzhou-h)");
    w.clock.advance(kHour);
    CHECK(w.api.total() <= 8);
    w.http.set_script([&w](const auto& r) { return w.bucket(r); });
    w.put(1, "10.0.0.1");
    w.clock.advance(17 * kSecond);
    CHECK(w.served("a") == "10.0.0.1 (cn-hangzhou-h)");
    const int asked = w.api.total();
    w.clock.advance(kHour);
    CHECK(w.api.total() == asked);
}

TEST_CASE("listed source: an API that fails is asked less and less", "[listed_source]") {
    ListWorld w;
    w.http.set_script([](const auto&) { return core::fail(Code::kConnectFailed, "down"); });
    w.api.errors.emplace("*", error(Code::kApiUnavailable, "HTTP 503"));
    w.begin({on("a", {"ep-a"})});
    w.clock.advance(kMinute);
    CHECK(w.api.total() >= 3);
    const int before = w.api.total();
    w.clock.advance(2 * kHour);
    CHECK(w.api.total() - before <= 40);
    w.api.errors.clear();
    w.api.put("ep-a", {{"cn-hangzhou-h", "10.0.0.9"}});
    w.clock.advance(11 * kMinute);
    CHECK(w.served("a") == "10.0.0.9 (cn-hangzhou-h)");
}

TEST_CASE("listed source: a publisher that is dead for days is no herd", "[listed_source]") {
    ListWorld w;
    w.put(1, "10.0.0.1");
    w.api.put("ep-a", {{"cn-hangzhou-h", "10.0.0.2"}});
    w.begin({on("a", {"ep-a"})});
    w.clock.advance(kDay - kMinute);
    CHECK(w.api.total() == 0);
    w.clock.advance(2 * kMinute);  // past not_after: within ten minutes, at a random moment
    w.clock.advance(10 * kMinute);
    CHECK(w.api.total() == 1);
    CHECK(w.served("a") == "10.0.0.2 (cn-hangzhou-h)");
    w.put(2, "10.0.0.3");
    w.clock.advance(17 * kSecond);
    CHECK(w.served("a") == "10.0.0.3 (cn-hangzhou-h)");
}

TEST_CASE("listed source: a search without a VPC means this host's", "[listed_source]") {
    ListWorld w;
    FleetList list = list_of(1, "10.0.0.1", w.clock.wall_us());
    for (const auto& [vpc, ip] : std::map<std::string, std::string>{{"vpc-1", "10.0.1.1"}, {"vpc-2", "10.0.2.1"}}) {
        EndpointReport& r = list.endpoints["find:service=com.aliyuncs.privatelink.x&vpc=" + vpc];
        r.endpoint_id = "find:service=com.aliyuncs.privatelink.x&vpc=" + vpc;
        r.search = r.listed = true;
        r.written_wall_us = w.clock.wall_us();
        r.parts.push_back(report_of("ep-a" + vpc.substr(4), ip));
    }
    w.bucket.objects[kCurrent] = signed_list(list);
    LinkConfig link = on("a", {});
    link.find.service = "com.aliyuncs.privatelink.x";
    w.begin({link});
    CHECK(w.served("a") == "10.0.1.1 (cn-hangzhou-h)");
    CHECK(w.api.total() == 0);
}

TEST_CASE("listed source: reloads", "[listed_source]") {
    ListWorld w;
    w.api.put("ep-a", {{"cn-hangzhou-h", "10.0.0.9"}});
    w.put(1, "10.0.0.1");
    w.fleet = {};
    w.begin({on("a", {"ep-a"})});
    CHECK(w.served("a") == "10.0.0.9 (cn-hangzhou-h)");
    w.config.fleet = fleet_config();
    w.configure();
    w.sync.refresh([] {});
    w.clock.advance(10 * kSecond);
    CHECK(w.served("a") == "10.0.0.1 (cn-hangzhou-h)");
    w.config.fleet = {};
    w.configure();
    w.sync.refresh([] {});
    w.clock.advance(10 * kSecond);
    CHECK(w.served("a") == "10.0.0.9 (cn-hangzhou-h)");
    const int asked = w.api.total();
    w.clock.advance(10 * kMinute);
    CHECK(w.api.total() > asked);
}
