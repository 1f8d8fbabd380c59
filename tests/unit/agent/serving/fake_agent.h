// SPDX-License-Identifier: Apache-2.0
// An agent to be served: what the tests say it is, and what was drain_requests of it.
#pragma once

#include "agent/serving/http_routes.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/fake_prober.h"

namespace postern::test {

struct FakeAgent : agent::ServedAgent {
    agent::StatusSnapshot status;
    std::vector<agent::HealthCheck> checks{{"loop", true, ""}, {"schedule", true, "stands still"}};
    int snapshots = 0, refreshes = 0, looks = 0;
    std::string drain_requests;  // of drains, a line each
    core::Result<void> outcome;
    agent::ServedFleet served_fleet;
    std::string report;
    FakeClock clock;
    FakeProber prober{clock};

    /// With a stream and probes of its own.
    std::vector<agent::HttpRoute> routes() { return make_routes(*this, probe_, stream_); }

    agent::StatusSnapshot snapshot() override {
        ++snapshots;
        return status;
    }
    std::vector<agent::HealthCheck> live() override { return checks; }
    std::vector<probe::Record> records(const probe::RecordFilter&, std::size_t) override { return {}; }
    std::optional<std::vector<probe::Rollup>> history(const std::string&, const core::IpAddress&, probe::Resolution,
                                                      core::Micros) override {
        return std::nullopt;
    }
    void refresh() override { ++refreshes; }
    core::Result<void> drain(const std::string& target, core::Micros for_us, const std::string& reason,
                             bool free) override {
        drain_requests += "drain " + target + " " + std::to_string(for_us / core::kSecond) + " " + reason +
                          (free ? " free" : "") + "\n";
        return outcome;
    }
    core::Result<void> undrain(const std::string& target) override {
        drain_requests += "undrain " + target + "\n";
        return outcome;
    }
    void look_at_connections() override { ++looks; }
    std::vector<std::string> link_names() override { return {}; }
    agent::ServedFleet fleet() override { return served_fleet; }
    std::string own_report() override { return report; }
    std::optional<agent::ProbedLink> probed_link(const std::string&) override { return std::nullopt; }

  private:
    agent::ProbeRoute probe_{clock, prober, *this};
    agent::EventStream stream_{clock, *this};
};

}  // namespace postern::test
