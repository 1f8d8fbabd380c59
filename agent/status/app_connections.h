// SPDX-License-Identifier: Apache-2.0
// The applications' connections as status shows them: what the last look found, in the links and addresses it belongs
// to. Shown only: no state follows from it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/connections/connection_watch.h"
#include "agent/connections/note.h"
#include "agent/status/overall.h"

namespace postern::agent {

struct StatusSnapshot;

/// Of the looks as a whole.
struct AppConnections {
    Micros looked_wall_us = 0;         // 0: not yet
    std::optional<core::Error> error;  // of the last look
    bool complete = false;
    Micros took_us = 0, cpu_sum_us = 0;
    std::uint64_t looks = 0;
    bool known() const { return looked_wall_us != 0 && !error; }
};

/// Of one link. Without a value: not known.
struct LinkConnections {
    std::vector<TargetConnections> bypass;  // to the public gateway's addresses
    std::vector<ConnectionNote> notes;
};

/// Of the connections alone; the links' states are others. Unknown: not all were seen, and those that were are well.
Overall overall_of_connections(const StatusSnapshot& snapshot);

/// Puts the report into the snapshot's links and addresses.
void add_connections(const ConnectionReport& report, StatusSnapshot& snapshot);

}  // namespace postern::agent
