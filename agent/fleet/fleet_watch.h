// SPDX-License-Identifier: Apache-2.0
// The fleet as a running agent shows it: the reports are read when somebody looks, in the background, at most every 30
// seconds; who comes earlier sees what was read last. Owned by the app, loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "agent/config/config.h"
#include "agent/fleet/report_reader.h"

namespace postern::agent {

class FleetWatch {
  public:
    static constexpr Micros kEvery = 30 * core::kSecond;
    static constexpr Micros kKept = 10 * core::kMinute;  // after the last look: thousands of reports are megabytes

    FleetWatch(core::Clock& clock, ObjectStore& store);

    /// At the start and at a reload.
    void configure(const FleetConfig& config);
    bool configured() const { return configured_; }

    /// Somebody looks: begins a reading where one is due.
    void look();
    /// What was read last; nullptr: nothing yet.
    const std::shared_ptr<const FleetReports>& reports() const { return reports_; }
    /// Of the last reading that failed, since the last one that did not.
    const std::optional<core::Error>& problem() const { return problem_; }
    /// `tell` is called once after the reading that goes on, never from inside this call; not at all once `alive` is gone.
    void when_read(std::weak_ptr<bool> alive, std::function<void()> tell);
    /// Nothing to show yet, and a reading goes on.
    bool waits() const { return !reports_ && !problem_ && reader_.reading(); }

  private:
    void read(core::Result<FleetReports> result);

    core::Clock& clock_;
    ReportReader reader_;
    bool configured_ = false;
    std::string place_, fleet_;
    std::shared_ptr<const FleetReports> reports_;
    std::optional<core::Error> problem_;
    Micros began_mono_us_ = 0;  // the last reading; 0: none
    core::Timer forget_, tell_later_;
    std::vector<std::pair<std::weak_ptr<bool>, std::function<void()>>> waiting_;
};

}  // namespace postern::agent
