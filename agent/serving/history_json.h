// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/history: column arrays of equal length, for charts. Keys are only ever added. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "core/ip_address.h"
#include "probe/rollup.h"

namespace postern::agent {

/// The roll-ups of one address, as columns.
std::string history_json(const std::string& link, const core::IpAddress& ip, probe::Resolution resolution,
                         const std::vector<probe::Rollup>& rollups);

}  // namespace postern::agent
