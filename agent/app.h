// SPDX-License-Identifier: Apache-2.0
// The running agent: creates every part, wires them with small callbacks, runs the loop until a signal ends it.
#pragma once

#include <string>

#include "agent/config/last_good.h"

namespace postern::agent {

struct RunOptions {
    std::string config_path;
    bool start_resolver = true;  // false: systemd runs postern-resolver
    bool follow_config = false;  // a change of the file is a SIGHUP
};

/// Runs until SIGTERM or SIGINT; SIGHUP reads the configuration again. Returns the exit code: 0, or 2 if it could not
/// start, after an error on stderr.
int run_agent(const UsableConfig& usable, const RunOptions& options);

}  // namespace postern::agent
