// SPDX-License-Identifier: Apache-2.0
// The agent's HTTP routes (HTTP in the manual). Made once by the app; loop thread.
#pragma once

#include <vector>

#include "agent/faults/catalogue.h"
#include "agent/serving/event_stream.h"
#include "agent/serving/http_server.h"
#include "agent/serving/probe_route.h"
#include "agent/serving/served_agent.h"

namespace postern::agent {

/// They outlive the server that gets the routes.
/// ?lang=; English without it.
doctor::Language language_of(const HttpQuery& query);

std::vector<HttpRoute> make_routes(ServedAgent& agent, ProbeRoute& probe, EventStream& stream);

}  // namespace postern::agent
