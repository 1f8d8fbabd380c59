// SPDX-License-Identifier: Apache-2.0
// What HTTP asks of the running agent: one interface for the routes, the stream and the probes on demand, with two
// implementations, the app's and the tests'. Loop thread only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/status/readiness.h"
#include "agent/status/status.h"
#include "probe/probe_types.h"
#include "probe/record.h"
#include "probe/rollup.h"

namespace postern::agent {

/// What a probe on demand is made of.
struct ProbedLink {
    probe::LinkPolicy policy = probe::LinkPolicy::kAny;
    std::vector<probe::ProbeTarget> targets;  // in the order of the DNS answer, then the others
};

class FleetWatch;

/// What is shown of the fleet.
struct ServedFleet {
    FleetWatch* watch = nullptr;  // nullptr: this host reports to none
    std::string name;
    Micros now_wall_us = 0;  // as the store has it
};

class ServedAgent {
  public:
    virtual ~ServedAgent() = default;
    /// Judged.
    virtual StatusSnapshot snapshot() = 0;
    /// The checks of /livez: the loop turned, the scheduler made progress; nothing remote.
    virtual std::vector<HealthCheck> live() = 0;
    /// At most `limit`, from the memory ring, newest first.
    virtual std::vector<probe::Record> records(const probe::RecordFilter& filter, std::size_t limit) = 0;
    /// Oldest first; nullopt for an address without history.
    virtual std::optional<std::vector<probe::Rollup>> history(const std::string& link, const core::IpAddress& ip,
                                                              probe::Resolution resolution, Micros since_wall_us) = 0;
    /// Asks the API and probes everything now; returns at once.
    virtual void refresh() = 0;
    /// At once. kUsage: not possible as written; any other error: refused, and why.
    virtual core::Result<void> drain(const std::string& target, Micros for_us, const std::string& reason,
                                     bool free) = 0;
    /// "": all of them. kUsage: it is not drained.
    virtual core::Result<void> undrain(const std::string& target) = 0;
    /// Looks at the applications' connections as soon as the bounds allow; returns at once.
    virtual void look_at_connections() = 0;
    virtual std::vector<std::string> link_names() = 0;
    virtual ServedFleet fleet() = 0;
    /// What this host reports of itself, also where it reports to nobody; "": nothing yet.
    virtual std::string own_report() = 0;
    /// nullopt: no such link.
    virtual std::optional<ProbedLink> probed_link(const std::string& name) = 0;
};

}  // namespace postern::agent
