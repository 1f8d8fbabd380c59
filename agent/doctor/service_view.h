// SPDX-License-Identifier: Apache-2.0
// What the agent's user sees: which of the configuration's files it can't read, although this command can. A child process
// becomes that user and tries. Before threads; without root nothing is tried.
#pragma once

#include <optional>

#include "agent/client/service_user.h"
#include "agent/doctor/observed.h"

namespace postern::agent::doctor {

/// Of the running agent, by the lock that it holds; else of the installed postern.service with this configuration. Nullopt
/// if neither is there.
std::optional<ServiceUser> service_user(const Config& config);

/// Fills in `hidden`, `open_tokens`, `ca_files` and the agent's user.
void look_at_files(const Config& config, ConfigSeen& seen);

}  // namespace postern::agent::doctor
