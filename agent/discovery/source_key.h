// SPDX-License-Identifier: Apache-2.0
// The key of a source of addresses, in the snapshot and for DiscoverySources. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"

namespace postern::agent {

/// An endpoint's ID, "target:NAME", "file:PATH", or the "find:…" of endpoint_query.h.
inline constexpr std::string_view kTargetPrefix = "target:", kFilePrefix = "file:";

/// The keys in Snapshot::sources that a link uses. Empty for fixed addresses.
std::vector<std::string> source_keys(const LinkConfig& link);
/// The kind of source: "api", "dns", "file" or "fixed".
std::string_view source_kind(const LinkConfig& link);

}  // namespace postern::agent
