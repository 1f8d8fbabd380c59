// SPDX-License-Identifier: Apache-2.0
// The body of GET /api/v1/incidents.
#pragma once

#include <optional>
#include <string>

#include "agent/status/status.h"

namespace postern::agent {

/// Of a link or an address, if given; newest first, at most `limit` of them, and how many there are.
std::string incidents_json(const StatusSnapshot& snapshot, const std::string& link,
                           const std::optional<core::IpAddress>& ip, std::size_t limit);

}  // namespace postern::agent
