// The running agent over HTTP, asked once by a command that waits. Any thread; each call has a loop of its own.
#pragma once

#include <map>
#include <string>

#include "agent/config/config.h"
#include "agent/endpoint/endpoint_set.h"
#include "agent/net/http_transport.h"

namespace postern::agent {

/// Of a reply: a status with every link that a configuration may have.
inline constexpr std::size_t kMaxAgentReply = 64u << 20;

/// Where the agent's HTTP can be reached from this host: the listen address, loopback for "every address".
core::SocketAddress agent_address(const Config& config);

/// One request to the running agent. When nobody answers there, the error says how to start it.
core::Result<HttpResponse> ask_agent(const Config& config, const std::string& method, const std::string& path_and_query,
                                     core::Micros timeout_us);

/// The addresses that the running agent has, by link; empty when it can't be asked.
std::map<std::string, EndpointSet> ask_agent_addresses(const Config& config);

}  // namespace postern::agent
