// SPDX-License-Identifier: Apache-2.0
// Reads the reports of all hosts of a fleet: one list of names, then many objects side by side, bounded in number, size and
// time. A report whose ETag is that of the last time is not fetched again. Owned by a command, or by FleetWatch; loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/fleet/host_report.h"
#include "agent/store/object_store.h"

namespace postern::agent {

struct RefusedReport {
    std::string name;  // of the object
    ReportProblem problem = ReportProblem::kForm;
};

/// What one reading gave.
struct FleetReports {
    std::string place, fleet;
    Micros read_wall_us = 0;  // when it ended
    Micros took_us = 0;
    std::vector<HostReport> reports;
    std::vector<RefusedReport> refused;
    bool more = false;                   // there are more than kMaxReports: not all hosts are here
    std::size_t unread = 0;              // listed, and could not be fetched
    std::optional<core::Error> problem;  // of the first of those
};

class ReportReader {
  public:
    static constexpr std::size_t kMaxReports = 20000, kParallel = 16;
    static constexpr Micros kLongest = core::kMinute;  // of one reading

    using Done = std::function<void(core::Result<FleetReports>)>;

    ReportReader(core::Clock& clock, ObjectStore& store);
    /// No callback runs after it.
    ~ReportReader();

    /// Another place or fleet forgets what was read. Not during read().
    void configure(const ObjectPlace& folder, std::string fleet);
    /// Exactly one callback, maybe from inside this call; one reading at a time. An error: the list of names could not be had.
    void read(Done done);
    bool reading() const { return static_cast<bool>(done_); }

  private:
    struct Known {
        std::string etag;
        HostReport report;
    };

    void listed(core::Result<StoredNames> names);
    void fetch_more();
    void fetched(const ListedObject& object, core::Result<StoredObject> got);
    void take(const ListedObject& object, std::string_view bytes, const std::string& etag);
    void finish();
    void give(core::Result<FleetReports> result);

    core::Clock& clock_;
    ObjectStore& store_;
    ObjectPlace folder_;
    std::string fleet_;
    std::map<std::string, Known> known_, found_;  // by name: of the last reading, of this one
    std::vector<ListedObject> to_fetch_;
    std::size_t next_ = 0, fetching_ = 0;
    FleetReports out_;
    Micros began_mono_us_ = 0;
    core::Timer deadline_;
    Done done_;
    bool starting_ = false;  // inside fetch_more(): a store that answers at once must not nest
    std::uint64_t reading_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace postern::agent
