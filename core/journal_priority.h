// SPDX-License-Identifier: Apache-2.0
// The priority of a line that systemd's journal reads from a descriptor (sd-daemon(3)). Any thread.
#pragma once

#include <string_view>

#include "core/log.h"

namespace postern::core {

/// "<4>" for a warning if `fd` is the one that $JOURNAL_STREAM names; "" otherwise, so that by hand nothing changes.
std::string_view journal_priority(int fd, Level level);

}  // namespace postern::core
