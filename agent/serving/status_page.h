// SPDX-License-Identifier: Apache-2.0
// The content of GET / before its script has started, or without JavaScript: the verdict and every address
// as plain HTML.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "agent/status/status.h"

namespace postern::agent {

/// At most about 9 KB: what does not fit is counted. English or Chinese, by an Accept-Language header.
std::string status_content(const StatusSnapshot& snapshot, std::string_view accept_language = "");

}  // namespace postern::agent
