// SPDX-License-Identifier: Apache-2.0
// The applications' connections as JSON, in status and alone, and as the table of `postern connections`. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/status/status.h"

namespace postern::agent {

nlohmann::ordered_json connections_json(const TargetConnections& seen);
nlohmann::ordered_json link_connections_json(const LinkConnections& all);
nlohmann::ordered_json looks_json(const AppConnections& looks);

/// GET /api/v1/connections, `connections --json`.
std::string connections_json(const StatusSnapshot& snapshot);
/// `postern connections`.
std::string connections_text(const StatusSnapshot& snapshot, bool colour,
                             doctor::Language language = doctor::Language::kEnglish);

}  // namespace postern::agent
