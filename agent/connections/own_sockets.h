// SPDX-License-Identifier: Apache-2.0
// The sockets of this process, to tell its connections from those of the applications. Any thread.
#pragma once

#include <cstdint>
#include <set>

namespace postern::agent {

/// Adds the inodes of the sockets that this process has open now.
void add_own_sockets(std::set<std::uint32_t>& inodes);

}  // namespace postern::agent
