// SPDX-License-Identifier: Apache-2.0
// The resolver's counters and the file from which the agent reads them: written every 200 ms at most while they
// change, and at once when a plan is accepted or refused. Loop thread.
#pragma once

#include <string>

#include "core/clock.h"
#include "core/fd.h"
#include "core/random.h"
#include "core/stats_page.h"

namespace postern::resolver {

class StatsWriter {
  public:
    /// With an empty path there is no file.
    StatsWriter(core::Clock& clock, core::Random& random, std::string path);
    ~StatsWriter();

    core::StatsPage& page() { return page_; }
    /// To be called when counters have changed.
    void touch() {
        if (!timer_.pending() && !path_.empty()) schedule();
    }
    void write_now();

  private:
    void schedule();
    bool open();

    core::Clock& clock_;
    std::string path_;
    core::UniqueFd file_;
    core::Timer timer_;
    bool warned_ = false;
    core::StatsPage page_;
};

inline void count(core::StatsPage& page, core::ResolverEvent event) {
    ++page.events[static_cast<std::size_t>(event)];
}

/// Adds `times` answers with this latency to the histogram.
void observe(core::StatsPage& page, core::Micros elapsed_us, std::uint64_t times = 1);

}  // namespace postern::resolver
