// SPDX-License-Identifier: Apache-2.0
// A fleet of hosts, two endpoints each, against the account's quota: requests a minute at rest, and how long until all
// know a new address after a zone has failed for all of them at once.
//   sim "fleet: a zone*" -s            the numbers of the gate's fleets
//   sim "fleet: the table*" -s         of 1 to 10,000 hosts; minutes
#include <algorithm>
#include <map>
#include <memory>

#include "agent/discovery/endpoint_sync.h"
#include "core/backoff.h"
#include "core/log.h"
#include "tests/sim/counting_listener.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::kHour;
using core::kMillisecond;
using core::kMinute;
using core::kSecond;
using core::Micros;

namespace {

constexpr int kQuota =
    1000;  // ListVpcEndpointZones of one account and region in a minute; GetVpcEndpointAttribute has its own

/// What surrounds the fleet.
struct Conditions {
    int hosts = 1;
    int others = 0;          // requests a minute of other programs of the account
    bool headers = true;     // a refusal says how long to wait
    Micros api_down_us = 0;  // after the zone failed, all requests fail that long
};

/// The gateway for one account and region: refuses what is over the quota until the minute is over.
struct Account {
    Account(FakeClock& c, const Conditions& o) : clock(c), conditions(o) {}
    enum class Reply { kOk, kRefused, kDown };
    Reply take() {
        const Micros minute = clock.mono_us() / kMinute;
        if (minute != current) {
            current = minute;
            used = conditions.others;
        }
        ++requests;
        if (clock.mono_us() < down_until) return Reply::kDown;
        if (used < kQuota) {
            ++used;
            return Reply::kOk;
        }
        ++refused;
        return Reply::kRefused;
    }
    Micros left() const { return (current + 1) * kMinute - clock.mono_us(); }

    FakeClock& clock;
    const Conditions& conditions;
    Micros current = -1, down_until = 0;
    int used = 0;
    std::uint64_t requests = 0, refused = 0;
    std::string address = "10.0.0.1";
};

/// One host's client: as AliyunApi does, it waits as long as a refusal says, or longer each time, with a spread, and
/// tries twice more if the wait is short.
struct HostCloud final : Provider {
    HostCloud(Account& a, core::Random& r) : account(a), random(r) {}
    void describe_endpoint(const std::string& id, Callback done) override { attempt(id, std::move(done), 2); }
    void attempt(const std::string& id, Callback done, int retries) {
        const Micros way = static_cast<Micros>(10 + random.below(60)) * kMillisecond;
        account.clock.set_alarm(account.clock.mono_us() + way, [this, id, done = std::move(done), retries]() mutable {
            switch (account.take()) {
                case Account::Reply::kDown:
                    return done(core::fail(core::Code::kApiUnavailable, "HTTP 503"));
                case Account::Reply::kRefused:
                    return refused(id, std::move(done), retries);
                case Account::Reply::kOk:
                    backoff.reset();
                    return done(report(id));
            }
        });
    }
    void refused(const std::string& id, Callback done, int retries) {
        Micros wait = account.conditions.headers ? account.left() : backoff.next(random) * 3;
        wait += static_cast<Micros>(random.below(static_cast<std::uint64_t>(wait / 4 + 1)));
        not_before = std::max(not_before, account.clock.mono_us() + wait);
        if (wait > 10 * kSecond || retries == 0) return done(core::fail(core::Code::kApiThrottled, "Throttling.User"));
        account.clock.set_alarm(account.clock.mono_us() + wait, [this, id, done = std::move(done), retries]() mutable {
            attempt(id, std::move(done), retries - 1);
        });
    }
    EndpointReport report(const std::string& id) const {
        EndpointReport r{
            .endpoint_id = id, .status = "Active", .business_status = "Normal", .connection_status = "Connected"};
        r.zones.push_back({"h", "Connected", core::IpAddress::parse(account.address), {}, ""});
        return r;
    }
    Micros not_before_mono_us() const override { return not_before; }
    Account& account;
    core::Random& random;
    core::Backoff backoff{kSecond, 30 * kSecond};
    Micros not_before = 0;
};

/// Keeps what each link has: asking EndpointSync for it is slow with thousands of hosts.
struct LatestAddresses final : CountingListener {
    void on_addresses(const std::string& link, const EndpointSet& addresses) override {
        CountingListener::on_addresses(link, addresses);
        latest[link] = addresses;
    }
    std::map<std::string, EndpointSet> latest;
};

struct Host {
    Host(FakeClock& clock, Account& account, std::uint64_t seed)
        : random(seed), cloud(account, random), sync(clock, random, cloud, listener) {}
    core::SeededRandom random;
    HostCloud cloud;
    LatestAddresses listener;
    EndpointSync sync;
};

struct Fleet {
    explicit Fleet(const Conditions& c) : conditions(c) {
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
        Config config;
        for (const auto* name : {"a", "b"}) {
            LinkConfig link;
            link.name = name;
            link.endpoints = {std::string("ep-") + name};
            config.links.push_back(link);
        }
        core::SeededRandom spread(1);
        for (int i = 0; i < conditions.hosts; ++i) {
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
    bool knows(const Host& host) const {
        const auto now = *core::IpAddress::parse(account.address);
        const auto& latest = host.listener.latest;
        return latest.size() == 2 && std::all_of(latest.begin(), latest.end(), [&](const auto& link) {
                   return link.second.size() == 1 && link.second.front().ip == now;
               });
    }
    int knowing() const {
        return static_cast<int>(std::count_if(all.begin(), all.end(), [&](const auto& h) { return knows(*h); }));
    }
    /// Minutes until that share of the hosts knows the address of now, at most four hours.
    double minutes_until(double share) {
        const Micros begin = changed_at, end = begin + 4 * kHour;
        while (knowing() < share * conditions.hosts && clock.mono_us() < end)
            clock.advance(10 * kSecond);
        return static_cast<double>(clock.mono_us() - begin) / kMinute;
    }
    /// Every host's probe fails within the same seconds, and the endpoints get new addresses.
    void zone_fails() {
        account.address = "10.0.0.2";
        changed_at = clock.mono_us();
        account.down_until = changed_at + conditions.api_down_us;
        for (auto& host : all) {
            host->sync.probe_failed("a");
            host->sync.probe_failed("b");
        }
    }

    const Conditions conditions;
    FakeClock clock;
    Account account{clock, conditions};
    std::vector<std::unique_ptr<Host>> all;
    Micros changed_at = clock.mono_us();
};

struct Numbers {
    double start, rest, half, all;
    std::uint64_t refused_at_rest;
};

Numbers measure(const Conditions& conditions) {
    Fleet fleet(conditions);
    Numbers out{};
    out.start = fleet.minutes_until(1);
    fleet.clock.advance(6 * kHour);
    const auto refused = fleet.account.refused;
    out.rest = fleet.per_minute(kHour / 2);
    out.refused_at_rest = fleet.account.refused - refused;
    fleet.zone_fails();
    out.half = fleet.minutes_until(0.5);
    out.all = fleet.minutes_until(1);
    WARN(conditions.hosts << " hosts, " << conditions.others << " requests a minute by others, "
                          << (conditions.headers ? "" : "no ") << "headers, API down "
                          << conditions.api_down_us / kMinute << " min: all served " << out.start
                          << " min after the first start, " << out.rest << " requests a minute at rest ("
                          << out.refused_at_rest << " refused in half an hour), a new address known to half within "
                          << out.half << " min, to all within " << out.all << " min");
    CHECK(fleet.knowing() == conditions.hosts);
    return out;
}

}  // namespace

TEST_CASE("fleet: a zone fails for all", "[fleet]") {
    const Numbers one = measure({.hosts = 1});
    CHECK(one.rest <= 0.5);
    CHECK(one.all <= 1);
    const Numbers many = measure({.hosts = 500, .others = 200, .headers = false, .api_down_us = 3 * kMinute});
    CHECK(many.start <= 11);
    CHECK(many.rest <= 500 * 2 / 4.5);
    CHECK(many.refused_at_rest == 0);
    CHECK(many.all <= 12);
}

TEST_CASE("fleet: the table of the README", "[fleet][.table]") {
    for (const int hosts : {1, 500, 1000, 2000, 10000})
        measure({.hosts = hosts});
    measure({.hosts = 1000, .others = 300});
    measure({.hosts = 1000, .headers = false});
    measure({.hosts = 1000, .api_down_us = 5 * kMinute});
}
