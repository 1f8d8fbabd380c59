// SPDX-License-Identifier: Apache-2.0
// An EndpointSync with a cloud whose replies the test decides, on fake time.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/discovery/endpoint_sync.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

namespace postern::test {

using namespace agent;
using core::Code;
using core::IpAddress;
using core::kDay;
using core::kHour;
using core::kMinute;
using core::kSecond;

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

inline core::Error error(Code code, const std::string& what = "trouble") {
    return {code, what, "a hint", 0};
}

inline LinkConfig on(const std::string& name, std::vector<std::string> endpoints, std::vector<std::string> zones = {}) {
    LinkConfig l;
    l.name = name;
    l.endpoints = std::move(endpoints);
    l.zones = std::move(zones);
    return l;
}

/// One host: the sync, its links, what it told its listener and the log.
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

}  // namespace postern::test
