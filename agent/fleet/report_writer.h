// SPDX-License-Identifier: Apache-2.0
// Writes this host's report: on a beat, and soon after a change. All hosts of a fleet see a zone die at the same moment: what
// they write then is spread over the gap between two reports. A report that can't be written disturbs nothing: it is tried
// again, ever more slowly, up to the beat. Owned by the app, loop thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/config/config.h"
#include "agent/fleet/host_report.h"
#include "agent/store/object_store.h"
#include "core/backoff.h"
#include "core/random.h"

namespace postern::agent {

/// What the writer knows; for status, metrics, faults.
struct ReportStatus {
    bool configured = false;
    std::string place;  // of the fleet's reports
    std::string fleet;
    Micros written_wall_us = 0;          // the last time that the store took one; 0: not yet
    std::optional<core::Error> problem;  // of the last attempt
    Micros trouble_since_wall_us = 0;
    std::uint64_t writes = 0, failures = 0;
};

class ReportWriter {
  public:
    ReportWriter(core::Clock& clock, core::Random& random, ObjectStore& store);
    /// No callback runs after it.
    ~ReportWriter();

    /// At the start and at a reload. Another place or fleet begins anew.
    void configure(const FleetConfig& config);
    void start();
    void stop();

    /// What the host has to say now; fleet, time and interval are the writer's.
    void seen(HostReport report);
    const ReportStatus& status() const { return status_; }
    /// The report as it would be written now; "" before the first seen().
    std::string now() const;

  private:
    std::string content() const;
    void plan(Micros delay_us);
    void write();
    void written(const core::Result<StoredAs>& as, const std::string& content);

    core::Clock& clock_;
    core::Random& random_;
    ObjectStore& store_;
    FleetConfig config_;
    ObjectPlace folder_;
    ReportStatus status_;
    std::optional<HostReport> report_;
    std::string written_;  // what the store has, without its times
    core::Timer timer_;
    Micros due_mono_us_ = 0;    // of the timer; 0: none
    Micros began_mono_us_ = 0;  // the last attempt; 0: none
    bool running_ = false, writing_ = false;
    core::Backoff backoff_{core::kSecond, core::kMinute};
    std::uint64_t attempt_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace postern::agent
