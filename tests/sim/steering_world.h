// SPDX-License-Identifier: Apache-2.0
// The whole agent but its edges on a fake clock: scripted cloud, scripted probes, the published plans as the outcome.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/discovery/snapshot_store.h"
#include "agent/steering/steering.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/fake_prober.h"
#include "tests/unit/catch.h"

namespace postern::test {

using namespace agent;
using core::kMinute;
using core::kSecond;

class ZonesCloud final : public Provider {
  public:
    explicit ZonesCloud(core::Clock& clock) : clock_(clock) {}
    void set(std::vector<std::pair<std::string, std::string>> zones) {
        report_ = {"ep-1", "Active", "Normal", "Connected", "svc", "domain", {}, "req"};
        for (auto& [zone, ip] : zones)
            report_.zones.push_back({zone, "Connected", core::IpAddress::parse(ip), {}, ""});
        error_.reset();
    }
    void break_it() { error_ = core::Error{core::Code::kApiUnavailable, "503", "wait", 0}; }
    void describe_endpoint(const std::string&, Callback done) override {
        ++polls;
        clock_.set_alarm(clock_.mono_us() + 20 * core::kMillisecond, [this, done = std::move(done)] {
            done(error_ ? core::Result<EndpointReport>(core::fail(*error_)) : core::Result<EndpointReport>(report_));
        });
    }
    int polls = 0;

  private:
    core::Clock& clock_;
    EndpointReport report_;
    std::optional<core::Error> error_;
};

/// Knows the public gateway, and nothing else is asked for.
class GatewayLookup final : public Lookup {
  public:
    explicit GatewayLookup(core::Clock& clock) : clock_(clock) {}
    void resolve(const std::string& host, Callback done) override {
        CHECK(host == "gw.example.com");
        clock_.set_alarm(clock_.mono_us() + 1000, [done = std::move(done)] {
            done(LookupResult{{*core::IpAddress::parse("203.0.113.10")}, 60, false, false, {}});
        });
    }

  private:
    core::Clock& clock_;
};

struct SteeringWorld : Steering::Outside {
    FakeClock clock;
    core::SeededRandom random;
    ZonesCloud cloud{clock};
    FakeProber prober{clock};
    GatewayLookup lookup{clock};
    std::vector<PlanInput> plans;
    int token_refusals = 0;
    std::vector<Drain> saved_drains;  // as the file has them
    std::unique_ptr<Steering> engine;

    void publish(PlanInput input) override { plans.push_back(std::move(input)); }
    // No record, and so no verdict, of a public gateway.
    void record(const probe::Record& record) override { CHECK(record.host == "db.example.com"); }
    core::Secret token(const std::string&) override { return core::Secret("token-token"); }
    void token_refused(const std::string&) override { ++token_refusals; }
    void addresses_changed() override {}
    void verdicts_changed() override {}
    void drains_changed() override { saved_drains = engine->drains(); }

    explicit SteeringWorld(std::uint64_t seed = 1) : random(seed) {
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
        cloud.set({{"zone-a", "10.0.1.1"}, {"zone-b", "10.0.2.1"}});
        make();
    }
    ~SteeringWorld() override { core::capture_log({}); }

    void make() {
        engine = std::make_unique<Steering>(clock, random, cloud, prober, lookup, *this);
        engine->configure(config());
        engine->set_upstreams({{*core::SocketAddress::parse("10.0.0.2", 53)}, "configured", 5});
    }
    static Config config() {
        Config c;
        c.dns.plan_ttl_us = 5 * kMinute;
        LinkConfig link;
        link.name = "prod";
        link.host = "db.example.com";
        link.endpoints = {"ep-1"};
        link.probe.interval_us = 10 * kSecond;
        c.links = {link};
        return c;
    }
    std::string answer() const {
        std::string out;
        for (const auto& ip : plans.back().links[0].decision.fresh)
            out += (out.empty() ? "" : " ") + ip.text();
        return out;
    }
};

}  // namespace postern::test
