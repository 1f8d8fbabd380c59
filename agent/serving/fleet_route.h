// SPDX-License-Identifier: Apache-2.0
// GET /fleet, /api/v1/fleet and /api/v1/report. Loop thread.
#pragma once

#include <vector>

#include "agent/serving/http_server.h"
#include "agent/serving/served_agent.h"

namespace postern::agent {

/// 404 where [fleet] names no reports. The first reply of /api/v1/fleet waits for the reports; the page says that they are being
/// read.
std::vector<HttpRoute> fleet_routes(ServedAgent& agent);

}  // namespace postern::agent
