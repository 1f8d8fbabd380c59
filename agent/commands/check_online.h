// `check-config --online`: asks everything that the configuration names once, and says what came.
#pragma once

#include "agent/config/config.h"

namespace postern::agent {

/// Prints to stdout; kExitGood, kExitWarning (answered, but no address is ready) or kExitFailed.
int check_online(const Config& config);

}  // namespace postern::agent
