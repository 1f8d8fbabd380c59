// SPDX-License-Identifier: Apache-2.0
// How many columns of a terminal a character takes, by Unicode's tables: the C library's wcwidth() depends on the locale,
// which a service does not have. Pure.
#pragma once

#include <cstddef>

namespace postern::agent {

/// 0 for what is drawn over the character before it, 2 for a wide one. Not for control characters.
std::size_t glyph_width(char32_t code);

}  // namespace postern::agent
