// SPDX-License-Identifier: Apache-2.0
// One of enable, disable, reapply, prestart and the rescue's steps at a time.
#pragma once

#include <string>

#include "core/file_system.h"

namespace postern::agent {

/// Waits for the others up to 90 s, which is longer than one takes whose lookups all hang; kLocked after that.
core::Result<core::LockFile> lock_takeover(const std::string& path);

}  // namespace postern::agent
