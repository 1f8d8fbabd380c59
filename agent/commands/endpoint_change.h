// SPDX-License-Identifier: Apache-2.0
// What the commands that change an endpoint have in common: writes that wait for their turn, the waits after them, and
// what is told of what stays.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/commands/endpoint_command.h"

namespace postern::agent {

enum class StepEnd { kDone, kTimeout, kInterrupted };

/// Repeats a write until the timeout while another operation on the endpoint is in progress, or something else answers
/// than the API. The client token makes the repeated call the same request. What a person has to do
/// first (disconnect it) is a refusal at once.
core::Result<void> write_when_free(EndpointRun& run, Micros deadline, const std::function<core::Result<void>()>& write);

/// Asks until `look` returns nullopt: it is over; else how it stands. Failures that pass are told and asked again; one that
/// lasts to the end is an error that says that the end is not known.
core::Result<StepEnd> wait_for_end(EndpointRun& run, Micros deadline,
                                   const std::function<core::Result<std::optional<std::string>>()>& look);

/// Removes a zone and waits until the API has it no more.
core::Result<StepEnd> take_zone_away(EndpointRun& run, const std::string& zone, Micros deadline);

/// The links of the configuration that use the endpoint, a line each.
std::string links_that_use(const Config& config, const std::string& endpoint);

/// What the endpoint's security groups are after it is gone, a sentence each; they cost nothing.
std::vector<core::Message> groups_that_stay(EndpointRun& run, const core::Result<std::vector<AttachedGroup>>& attached);
/// The command that deletes postern's own group.
std::string remove_group_command(const EndpointCommand& command, const std::string& group);

/// Asks the question, or complains that there is no terminal. nullopt: go on; else the exit code. `undone`: "not
/// confirmed; nothing was deleted".
std::optional<int> confirm(const EndpointRun& run, const core::Message& question, const core::Message& undone);

}  // namespace postern::agent
