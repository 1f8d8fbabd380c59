// SPDX-License-Identifier: Apache-2.0
// The fleet on one page, without a script: what the reports tell together, a table of addresses and host zones, the hosts
// folded by zone and verdict, trouble first. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/fleet/fleet_view.h"
#include "agent/serving/page_words.h"

namespace postern::agent {

/// The title and the icon. `view` nullptr: not read yet.
std::string fleet_head(const FleetView* view, const std::string& fleet, std::string_view accept_language);
std::string fleet_content(const FleetView* view, const std::string& fleet, const std::optional<core::Error>& problem,
                          std::string_view accept_language);

}  // namespace postern::agent
