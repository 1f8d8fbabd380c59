// SPDX-License-Identifier: Apache-2.0
// The incidents of all addresses as one list: those of one link that began together, for the same reason, are one. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/status/status.h"

namespace postern::agent {

/// Of one link, at one address or several.
struct LinkIncident {
    std::string link;
    std::vector<core::IpAddress> addresses;
    probe::Incident seen;  // over all of them: `failures` is their sum; open if it is at any
};
/// Incidents that begin at most this long after the first one of their link, for the same first reason, are one.
inline constexpr Micros kTogether = 2 * core::kMinute;

/// Newest first: open ones, then by their end. `link`, `ip`: only those of it, if given.
std::vector<LinkIncident> incidents_of(const StatusSnapshot& snapshot, const std::string& link = {},
                                       const std::optional<core::IpAddress>& ip = {});

}  // namespace postern::agent
