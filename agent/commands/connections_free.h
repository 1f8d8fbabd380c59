// SPDX-License-Identifier: Apache-2.0
// `postern connections --free` and `--dry-run`. Main thread.
#pragma once

#include "agent/commands/cli.h"
#include "agent/config/config.h"

namespace postern::agent {

/// The exit code: kExitGood when nothing is left, kExitWarning when something is, kExitUnknown when none could be ended.
int free_connections(const Config& config, const ConnectionsCommand& command);

}  // namespace postern::agent
