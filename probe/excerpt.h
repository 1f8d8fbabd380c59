// Text from the peer, made fit for a line of ours.
#pragma once

#include <string>
#include <string_view>

namespace postern::probe {

/// `text` on one line, at most `limit` bytes, cut between characters ("…" tells), every live secret gone, also one at the
/// cut, control characters as spaces, invalid UTF-8 as "?".
std::string excerpt(std::string_view text, std::size_t limit);

/// The longest detail of a result.
inline constexpr std::size_t kDetailBytes = 300;

/// For ProbeResult::detail.
std::string detail_text(std::string_view text);

}  // namespace postern::probe
