// SPDX-License-Identifier: Apache-2.0
// The running agent's status (GET /api/v1/status) as doctor reads it. Pure; any thread.
#pragma once

#include <string_view>

#include "agent/doctor/observed.h"

namespace postern::agent::doctor {

inline constexpr const char* kAnotherProgram = "another program answers there";

/// Into `seen`: version and faults of the agent, as far as doctor does not look itself, or the problem that another program answers.
void read_agent_status(std::string_view body, const Config& config, AgentSeen& seen);

}  // namespace postern::agent::doctor
