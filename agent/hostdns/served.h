// SPDX-License-Identifier: Apache-2.0
// What the resolver serves, for a takeover that can't ask the configuration: its fallback file, which an ordinary user
// may write, so that nothing of it goes into root's files and commands unchecked.
#pragma once

#include <string>
#include <vector>

#include "core/fallback_file.h"

namespace postern::agent {

/// Empty if there is no such file. The names are safe_names().
core::Fallback read_served(const std::string& path);

/// Host names only, sorted, unique, at most as many as there may be links.
std::vector<std::string> safe_names(std::vector<std::string> names);

}  // namespace postern::agent
