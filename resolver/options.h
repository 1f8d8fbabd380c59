// SPDX-License-Identifier: Apache-2.0
// The command line of postern-resolver.
#pragma once

#include "core/error.h"
#include "resolver/plan_files.h"

namespace postern::resolver {

struct Options {
    PlanPaths paths;
    std::string stats;
    int sockets = 0;  // number of listening sockets that the parent has opened as descriptors 3, 4, …
    bool help = false;
    bool version = false;

    /// The lock file: in the folder of the stats file, or of the first plan when there is none.
    std::string lock_path() const;
};

/// Without the name of the program. Errors: kUsage.
core::Result<Options> parse_options(std::vector<std::string> arguments);

extern const char* const kUsageText;

}  // namespace postern::resolver
