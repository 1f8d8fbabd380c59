// SPDX-License-Identifier: Apache-2.0
// Parsers for configuration values and command-line options: durations, sizes, host names, IDs. Pure; each error says
// what was expected.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "core/clock.h"
#include "core/message.h"

namespace postern::agent {

/// "250us", "1200ms", "10s", "5m", "1h", "14d", and sums of them with falling units ("1h30m"). No sign, no blank, no
/// bare number. At most 100 years.
std::optional<core::Micros> parse_duration(std::string_view text);
/// In one exact unit: "1200ms", "90s", "2h", "0s".
std::string format_duration(core::Micros us);
/// For people, in one unit: "14 s", "3 min", "5 h", "12 d"; "0 s" for a negative one.
std::string rough_duration(core::Micros us);

/// A plan's generation: "5.12" is the twelfth of the agent's fifth start.
std::string generation_text(std::uint64_t generation);

/// "16MiB", "512KiB", "1GiB", "4096B".
std::optional<std::uint64_t> parse_size(std::string_view text);

/// A private DNS name: at least two labels of letters, digits, '-' and '_', at most 253 bytes, not an address, not a
/// special-use name (localhost, .arpa, …). On success in lower case without the final dot, else what is wrong with
/// it. The error repeats only what is safe to show.
tl::expected<std::string, core::Message> normalise_host(std::string_view text);

/// "" if valid, else what is wrong.
core::Message check_endpoint_id(std::string_view text);  // "ep-bp1…"
core::Message check_region(std::string_view text);       // "cn-hangzhou"
core::Message check_zone(std::string_view text);         // "cn-hangzhou-h", "ap-southeast-1a"
core::Message check_link_name(std::string_view text);    // letters, digits, '.', '_', '-'
core::Message check_absolute_path(std::string_view text);
/// scheme://host[:port], nothing after it.
core::Message check_base_url(std::string_view text, bool https_only);

/// A value as a message may repeat it: quoted, cut at 60 bytes, without control characters, and without what follows
/// '?' or precedes '@' (where tokens and passwords are pasted). A value that looks like a secret is "…".
std::string shown(std::string_view text);

/// Looks like a token, key or password rather than a path or a name: must not be repeated in a message.
bool looks_like_secret(std::string_view text);

/// The candidate with the smallest edit distance (a transposition counts one), if it is close enough.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace postern::agent
