// SPDX-License-Identifier: Apache-2.0
// Makes text from the peer safe to show on one line. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace postern::probe {

/// `text` redacted (core/secret.h), with control characters as spaces and invalid UTF-8 as "?", cut to `limit` bytes
/// between characters, with "…" at a cut.
std::string excerpt(std::string_view text, std::size_t limit);

/// The maximum length of ProbeResult::detail.
inline constexpr std::size_t kDetailBytes = 300;

}  // namespace postern::probe
