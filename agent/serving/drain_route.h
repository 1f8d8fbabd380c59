// SPDX-License-Identifier: Apache-2.0
// Drains over HTTP, for `postern drain` and `undrain`: what is drained, and the two requests that change it, which only
// programs of this host may send. Made once by the app; loop thread.
#pragma once

#include <string>
#include <vector>

#include "agent/serving/http_server.h"
#include "agent/serving/served_agent.h"

namespace postern::agent {

/// GET /api/v1/drains, POST /api/v1/drain?target=&for=&reason=, POST /api/v1/undrain?target=: each replies with what is
/// drained now, as JSON or with view=text; a refusal is JSON with the error, 400 or 409.
std::vector<HttpRoute> drain_routes(ServedAgent& agent);

}  // namespace postern::agent
