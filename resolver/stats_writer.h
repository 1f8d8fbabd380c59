// The resolver's counters and the file that shows them to the agent: written at most every 200 ms while they
// change, at once when a plan was taken or refused, never while idle.
#pragma once

#include <string>

#include "core/clock.h"
#include "core/fd.h"
#include "core/random.h"
#include "core/stats_page.h"

namespace postern::resolver {

class StatsWriter {
  public:
    /// An empty path: counters in memory only.
    StatsWriter(core::Clock& clock, core::Random& random, std::string path);
    ~StatsWriter();

    core::StatsPage& page() { return page_; }
    /// The counters have changed.
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

/// One latency observation.
void observe(core::StatsPage& page, core::Micros elapsed_us, std::uint64_t times = 1);

}  // namespace postern::resolver
