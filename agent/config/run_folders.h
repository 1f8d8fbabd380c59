// SPDX-License-Identifier: Apache-2.0
// The folders of a running agent, and the lock that there is one. Blocks; at the start.
#pragma once

#include "agent/config/config.h"
#include "core/file_system.h"

namespace postern::agent {

/// Makes the folders that are missing. An error without the runtime folder, or while another agent runs; without the state
/// folder everything works until the next boot, and the log says so.
core::Result<core::LockFile> prepare_folders(const Config& config);

}  // namespace postern::agent
