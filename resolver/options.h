// The command line of postern-resolver.
#pragma once

#include "core/error.h"
#include "resolver/plan_files.h"

namespace postern::resolver {

struct Options {
    PlanPaths paths;
    std::string stats;
    int sockets = 0;  // listening sockets that our parent left open as descriptors 3, 4, …
    bool help = false;
    bool version = false;

    /// Where the lock lies: the folder of the stats file, else of the first plan.
    std::string lock_path() const;
};

/// kUsage with what happened, what was expected and what to do.
core::Result<Options> parse_options(std::vector<std::string> arguments);

extern const char* const kUsageText;

}  // namespace postern::resolver
