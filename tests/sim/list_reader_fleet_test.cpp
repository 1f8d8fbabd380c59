// SPDX-License-Identifier: Apache-2.0
// A fleet of hosts, two endpoints each, that read one list: requests a minute while nothing happens and while a zone dies for
// all of them at once, and how long until all are current. Beside the API's: endpoint_sync_fleet_test.cpp.
//   sim "list fleet: *" -s             the gate's fleets
//   sim "list fleet: the table" -s     of 1 to 100,000 hosts; minutes
#include <map>
#include <memory>

#include "agent/discovery/endpoint_sync.h"
#include "agent/fleet/listed_source.h"
#include "core/log.h"
#include "tests/sim/counting_listener.h"
#include "tests/unit/agent/fleet/fleet_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using core::kDay;
using core::kHour;
using core::kMillisecond;
using core::kMinute;
using core::kSecond;

namespace {

/// The API of all hosts: counts, and answers with the address of now.
struct Api final : Provider {
    explicit Api(FakeClock& c) : clock(c) {}
    void describe_endpoint(const std::string& id, Callback done) override {
        ++requests;
        clock.set_alarm(clock.mono_us() + 30 * kMillisecond,
                        [this, id, done = std::move(done)] { done(report_of(id, address, 0)); });
    }
    FakeClock& clock;
    std::string address = "10.0.0.1";
    std::uint64_t requests = 0;
};

/// One object for all hosts.
struct Store final : HttpTransport {
    explicit Store(FakeClock& c) : clock(c) {}
    RequestId send(HttpRequest request, Callback done) override {
        ++requests;
        clock.set_alarm(clock.mono_us() + 20 * kMillisecond,
                        [this, request = std::move(request), done = std::move(done)] {
                            const bool same = header_of(request, "if-none-match") == etag;
                            done(down   ? core::Result<HttpResponse>(core::fail(core::Code::kConnectFailed, "down"))
                                 : same ? reply(304, "", {{"etag", etag}})
                                        : reply(200, bytes, {{"etag", etag}}));
                        });
        return 0;
    }
    void cancel(RequestId) override {}
    void put(const FleetList& list) {
        bytes = signed_list(list);
        etag = "\"" + std::to_string(list.number.generation) + "\"";
    }
    FakeClock& clock;
    std::string bytes, etag;
    bool down = false;
    std::uint64_t requests = 0;
};

struct Host final : ListReader::Listener, CountingListener {
    Host(FakeClock& clock, Api& api, ObjectStore& store, std::uint64_t seed)
        : random(seed),
          reader(clock, random, store, *this),
          source(clock, random, api, [] { return std::string(); }),
          sync(clock, random, source, *this) {
        source.use(reader);
    }
    void list_news() override { source.list_news(); }
    void on_addresses(const std::string& link, const EndpointSet& addresses) override {
        CountingListener::on_addresses(link, addresses);
        latest[link] = addresses.empty() ? "" : addresses.front().ip.text();
    }
    core::SeededRandom random;
    ListReader reader;
    ListedSource source;
    EndpointSync sync;
    std::map<std::string, std::string> latest;
};

struct Fleet {
    explicit Fleet(int hosts) : api(clock), http(clock), metadata(clock, http, {}) {
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
        credentials =
            default_credential_chain(clock, random, http, metadata, [](const std::string&) { return std::string(); });
        store = std::make_unique<ObjectStore>(clock, http, *credentials, metadata,
                                              [](const std::string&) { return std::string(); });
        Config config;
        config.fleet = fleet_config();
        config.fleet.list_url = "https://lists.example.com/prod/current.json";
        for (const auto* name : {"a", "b"}) {
            LinkConfig link;
            link.name = name;
            link.endpoints = {std::string("ep-") + name};
            config.links.push_back(link);
        }
        publish("10.0.0.1");
        core::SeededRandom spread(1);
        for (int i = 0; i < hosts; ++i) {
            all.push_back(std::make_unique<Host>(clock, api, *store, static_cast<std::uint64_t>(i) + 100));
            Host* host = all.back().get();
            host->reader.configure(config.fleet);
            host->source.configure(config.fleet);
            host->sync.configure(config);
            clock.set_alarm(clock.mono_us() + static_cast<Micros>(spread.below(10 * kMinute)), [host] {
                host->reader.start();
                host->sync.start();
            });
        }
        clock.advance(12 * kMinute);
    }
    ~Fleet() { core::capture_log({}); }
    void publish(const std::string& ip) {
        FleetList list = list_of(++generation, ip, clock.wall_us());
        list.endpoints["ep-b"] = report_of("ep-b", ip, clock.wall_us());
        http.put(list);
        address = api.address = ip;
    }
    int current() const {
        int n = 0;
        for (const auto& host : all)
            n += host->latest == std::map<std::string, std::string>{{"a", address}, {"b", address}} ? 1 : 0;
        return n;
    }
    double per_minute(Micros during) {
        const auto before = http.requests;
        clock.advance(during);
        return static_cast<double>(http.requests - before) / (static_cast<double>(during) / kMinute);
    }
    /// Every host's probes fail again and again.
    void zone_fails() {
        for (auto& host : all) {
            host->sync.probe_failed("a");
            host->sync.probe_failed("b");
        }
    }
    /// Seconds until that share of the hosts has the address of now; from now on.
    double seconds_until(double share) {
        const Micros begin = clock.mono_us();
        while (current() < share * static_cast<double>(all.size()) && clock.mono_us() < begin + 10 * kMinute)
            clock.advance(100 * kMillisecond);
        return static_cast<double>(clock.mono_us() - begin) / kSecond;
    }

    FakeClock clock;
    core::SeededRandom random{1};
    Api api;
    Store http;
    MetadataClient metadata;
    std::unique_ptr<CredentialChain> credentials;
    std::unique_ptr<ObjectStore> store;
    std::vector<std::unique_ptr<Host>> all;
    std::uint64_t generation = 0;
    std::string address;
};

void measure(int hosts) {
    Fleet fleet(hosts);
    REQUIRE(fleet.current() == hosts);
    const double rest = fleet.per_minute(hosts > 1 ? 4 * kMinute : 4 * kHour);
    fleet.zone_fails();
    const double while_dying = fleet.per_minute(hosts > 1 ? 4 * kMinute : 4 * kHour);
    fleet.zone_fails();
    fleet.publish("10.0.0.2");
    const double half = fleet.seconds_until(0.5), rest_of = fleet.seconds_until(1);
    WARN(hosts << " hosts: " << rest << " requests a minute at rest, " << while_dying
               << " while a zone dies, a new address known to half within " << half << " s, to all within "
               << half + rest_of << " s; API asked " << fleet.api.requests << " times");
    CHECK(rest > 3.96 * hosts);
    CHECK(rest < 4.04 * hosts);
    CHECK(while_dying > 0.99 * rest);
    CHECK(while_dying < 1.01 * rest);
    CHECK(fleet.current() == hosts);
    CHECK(half + rest_of <= 16.5 + 0.2);  // a beat, its tenth, and the way
    CHECK(fleet.api.requests == 0);
}

}  // namespace

TEST_CASE("list fleet: one host, and a thousand", "[list_fleet]") {
    measure(1);
    measure(1000);
}

TEST_CASE("list fleet: a publisher that is dead for a day is no herd at the API", "[list_fleet]") {
    Fleet fleet(60);
    fleet.clock.advance(kDay - 20 * kMinute);
    CHECK(fleet.api.requests == 0);
    CHECK(fleet.current() == 60);
    fleet.api.address = fleet.address = "10.0.0.2";
    // Past its time at one moment for all: from then on each asks once in about ten minutes, spread over them.
    std::uint64_t most = 0;
    fleet.clock.advance(8 * kMinute);
    for (int minute = 0; minute < 60; ++minute) {
        const auto before = fleet.api.requests;
        fleet.clock.advance(kMinute);
        most = std::max(most, fleet.api.requests - before);
    }
    CHECK(fleet.current() == 60);
    CHECK(most < 2 * 2 * 60 / 10);
    fleet.publish("10.0.0.3");
    CHECK(fleet.seconds_until(1) <= 16.7);
    const auto asked = fleet.api.requests;
    fleet.clock.advance(kHour);
    CHECK(fleet.api.requests == asked);
}

TEST_CASE("list fleet: a store that is down for an hour changes nothing", "[list_fleet]") {
    Fleet fleet(60);
    const double rest = fleet.per_minute(10 * kMinute);
    fleet.http.down = true;
    const double down = fleet.per_minute(kHour);
    CHECK(down > 0.99 * rest);
    CHECK(down < 1.01 * rest);
    CHECK(fleet.current() == 60);
    CHECK(fleet.api.requests == 0);
}

TEST_CASE("list fleet: the table", "[list_fleet][.table]") {
    for (const int hosts : {1, 1000, 10000, 100000})
        measure(hosts);
}
