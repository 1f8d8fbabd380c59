// SPDX-License-Identifier: Apache-2.0
// Lines over the Unix socket between the agent and postern-free, with a limit on size and waiting. Blocks.
#pragma once

#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>

#include "agent/freeing/free_request.h"
#include "core/clock.h"
#include "core/error.h"

namespace postern::agent {

/// kSocket: the path does not fit into an address (107 bytes).
core::Result<sockaddr_un> unix_address(const std::string& path);
/// Each read and write ends after `wait_us`.
void limit_waiting(int fd, core::Micros wait_us);
/// Up to its end, which is included; nullopt: none came in time, or it is longer than kMaxFreeLine.
std::optional<std::string> read_line(int fd);
bool write_line(int fd, std::string_view line);

/// Asks postern-free; kUnreachable if it does not answer within `wait_us`.
FreeReply ask_postern_free(const std::string& path, const FreeRequest& request, core::Micros wait_us);

}  // namespace postern::agent
