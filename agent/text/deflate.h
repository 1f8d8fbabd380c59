// SPDX-License-Identifier: Apache-2.0
// In-memory gzip compression with zlib.
#pragma once

#include <string>
#include <string_view>

namespace postern::agent {

/// RFC 1952. `level` 1 (fast) to 9 (small). `text` is at most 4 GiB. Throws std::bad_alloc.
std::string gzipped(std::string_view text, int level);

}  // namespace postern::agent
