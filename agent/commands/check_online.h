// SPDX-License-Identifier: Apache-2.0
// `check-config --online`: asks every source of the configuration once, and prints the results.
#pragma once

#include "agent/config/config.h"

namespace postern::agent {

/// Prints to stdout; kExitGood, kExitWarning (answered, but no address is ready) or kExitFailed.
int check_online(const Config& config);

}  // namespace postern::agent
