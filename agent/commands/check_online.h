// SPDX-License-Identifier: Apache-2.0
// `check-config --online`: asks every source of the configuration once, and prints the results.
#pragma once

#include <optional>

#include "agent/client/as_service.h"
#include "agent/config/config.h"

namespace postern::agent {

/// Prints to stdout; kExitGood, kExitWarning (answered, but no address is ready) or kExitFailed.
/// `eyes`: the service's, if this command looks with them.
int check_online(const Config& config, const std::optional<ServiceEyes>& eyes);

}  // namespace postern::agent
