// SPDX-License-Identifier: Apache-2.0
// In-memory gzip compression with zlib.
#pragma once

#include <string>
#include <string_view>

namespace postern::agent {

enum class DeflateForm { kRaw, kGzip };

/// `level` 1 (fast) to 9 (small). `text` is at most 4 GiB. Throws std::bad_alloc.
std::string deflated(std::string_view text, int level, DeflateForm form);

}  // namespace postern::agent
