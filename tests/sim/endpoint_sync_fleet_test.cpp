// SPDX-License-Identifier: Apache-2.0
// A fleet of hosts against the account's quota: how many requests a minute when idle, and when a zone fails for all.
// Run with [fleet] and -s to see the numbers.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>

#include "agent/discovery/endpoint_sync.h"
#include "core/log.h"
#include "tests/sim/counting_listener.h"
#include "tests/sim/fake_clock.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::kHour;
using core::kMinute;
using core::kSecond;
using core::Micros;

namespace {

/// The gateway for one account and region: 1000 ListVpcEndpointZones in 60 s, then throttling until the minute is over.
struct Account {
    explicit Account(FakeClock& c) : clock(c) {}
    /// 0 if allowed, else how long to wait.
    Micros take() {
        const Micros minute = clock.mono_us() / kMinute;
        if (minute != current) {
            current = minute;
            used = 0;
        }
        ++requests;
        if (used < 1000) {
            ++used;
            return 0;
        }
        ++refused;
        return (minute + 1) * kMinute - clock.mono_us();
    }
    FakeClock& clock;
    Micros current = -1;
    int used = 0;
    std::uint64_t requests = 0, refused = 0;
    std::string address = "10.0.0.1";
};

/// One host's client: as AliyunApi does, it honours the pause that a throttled reply asks for, with a spread.
struct HostCloud final : Provider {
    HostCloud(Account& a, core::Random& r) : account(a), random(r) {}
    void describe_endpoint(const std::string& id, Callback done) override {
        if (const Micros wait = account.take(); wait > 0) {
            not_before = account.clock.mono_us() + wait +
                         static_cast<Micros>(random.below(static_cast<std::uint64_t>(wait / 4 + 1)));
            return done(core::fail(core::Code::kApiThrottled, "Throttling.User"));
        }
        EndpointReport r{
            .endpoint_id = id, .status = "Active", .business_status = "Normal", .connection_status = "Connected"};
        r.zones.push_back({"h", "Connected", core::IpAddress::parse(account.address), {}, ""});
        done(std::move(r));
    }
    Micros not_before_mono_us() const override { return not_before; }
    Account& account;
    core::Random& random;
    Micros not_before = 0;
};

struct Host {
    Host(FakeClock& clock, Account& account, std::uint64_t seed)
        : random(seed), cloud(account, random), sync(clock, random, cloud, listener) {}
    core::SeededRandom random;
    HostCloud cloud;
    CountingListener listener;
    EndpointSync sync;
};

struct Fleet {
    explicit Fleet(int hosts) : size(hosts) {
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
        Config config;
        LinkConfig link;
        link.name = "a";
        link.endpoints = {"ep-1"};
        config.links = {link};
        core::SeededRandom spread(1);
        for (int i = 0; i < hosts; ++i) {
            all.push_back(std::make_unique<Host>(clock, account, static_cast<std::uint64_t>(i) + 100));
            all.back()->sync.configure(config);
            // Hosts come up within ten minutes, as an autoscaled fleet does.
            clock.set_alarm(clock.mono_us() + static_cast<Micros>(spread.below(10 * kMinute)),
                            [host = all.back().get()] { host->sync.start(); });
        }
    }
    ~Fleet() { core::capture_log({}); }
    double per_minute(Micros during) {
        const auto before = account.requests;
        clock.advance(during);
        return static_cast<double>(account.requests - before) / (static_cast<double>(during) / kMinute);
    }
    int knowing(const std::string& address) const {
        return static_cast<int>(std::count_if(all.begin(), all.end(), [&](const auto& host) {
            return describe(host->sync.status("a").addresses) == address + " (h)";
        }));
    }
    FakeClock clock;
    Account account{clock};
    int size;
    std::vector<std::unique_ptr<Host>> all;
};

}  // namespace

TEST_CASE("fleet: requests a minute when idle and when a zone fails, for 1, 1,000 and 10,000 hosts", "[fleet]") {
    for (const int hosts : {1, 1000, 10000}) {
        Fleet fleet(hosts);
        const double first = fleet.per_minute(30 * kMinute);
        const int early = fleet.knowing("10.0.0.1");
        fleet.clock.advance(6 * kHour);
        CHECK(fleet.knowing("10.0.0.1") == hosts);
        const auto refused_before = fleet.account.refused;
        const double rest = fleet.per_minute(kHour);
        const auto refused_at_rest = fleet.account.refused - refused_before;

        // The zone fails: every host's probe fails within the same seconds, and the endpoint gets a new address.
        fleet.account.address = "10.0.0.2";
        const auto refused_then = fleet.account.refused;
        for (auto& host : fleet.all)
            host->sync.probe_failed("a");
        const double burst = fleet.per_minute(2 * kMinute);
        int half = 2, done = 2;
        while (fleet.knowing("10.0.0.2") * 2 < hosts && half < 240)
            fleet.clock.advance(kMinute), ++half;
        done = half;
        while (fleet.knowing("10.0.0.2") < hosts && done < 240)
            fleet.clock.advance(kMinute), ++done;
        WARN(hosts << " hosts: " << first << "/min in the first half hour (" << early << " served), " << rest
                   << "/min at rest (" << refused_at_rest << " refused in an hour), " << burst
                   << "/min after a zone died (" << fleet.account.refused - refused_then
                   << " refused), half knew within " << half << " min, all within " << done << " min");
        CHECK(fleet.knowing("10.0.0.2") == hosts);
        if (hosts <= 1000) {
            CHECK(early == hosts);
            CHECK(done <= 3);
        }
        // Ten thousand are too many for the API, and the README says so; but they do no harm to each other.
        CHECK(early >= hosts * 8 / 10);
        CHECK(refused_at_rest <= 60u);
        CHECK(rest <= hosts * 0.25 + 1);
        CHECK(rest <= 1000);
        CHECK(burst <= hosts * 0.6 + 500);
    }
}
