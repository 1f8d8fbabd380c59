// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/fleet and `postern fleet status --json`. Pure; keys are only ever added.
#pragma once

#include <optional>
#include <string>

#include "agent/fleet/fleet_view.h"

namespace postern::agent {

/// `problem`: why newer reports could not be read.
std::string fleet_json(const FleetView& view, const std::optional<core::Error>& problem);

}  // namespace postern::agent
