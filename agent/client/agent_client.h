// SPDX-License-Identifier: Apache-2.0
// Blocking HTTP requests to the running agent. Any thread; each call has its own loop.
#pragma once

#include <map>
#include <string>

#include "agent/config/config.h"
#include "agent/endpoint/endpoint_set.h"
#include "agent/net/http_transport.h"

namespace postern::agent {

/// Maximum of a reply: a status with the maximum number of links.
inline constexpr std::size_t kMaxAgentReply = 64u << 20;

/// The agent's HTTP address as seen from this host: the listen address, loopback for "every address".
core::SocketAddress agent_address(const Config& config);

/// One request to the running agent. If there is no answer, the error says how to start it.
core::Result<HttpResponse> ask_agent(const Config& config, const std::string& method, const std::string& path_and_query,
                                     core::Micros timeout_us);

/// Of a reply that is not what the agent of this version says.
core::Error wrong_answer(const Config& config, const HttpResponse& reply);

/// Addresses by link from the running agent; empty if it does not answer.
std::map<std::string, EndpointSet> ask_agent_addresses(const Config& config);

}  // namespace postern::agent
