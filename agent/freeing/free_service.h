// SPDX-License-Identifier: Apache-2.0
// postern-free's side of the socket: one asker at a time, a line from it, a line back. Blocks, within bounds.
#pragma once

#include <string>

#include "agent/freeing/destroyer.h"
#include "core/error.h"
#include "core/fd.h"

namespace postern::agent {

/// The reply to one request, from `user`; what was ended is logged without content: address, users, numbers.
FreeReply answer_free_request(std::string_view line, std::uint32_t user, const std::string& plan_path,
                              Destroyer& destroyer);

/// The socket that systemd passed (LISTEN_FDS), or one bound to `path`, replacing what is there. kSocket.
core::Result<core::UniqueFd> free_listener(const std::string& path);

/// Serves until nobody has asked for `idle_us` (0: for ever), or until the listener fails.
void serve_free_requests(int listener, const std::string& plan_path, Micros idle_us);

}  // namespace postern::agent
