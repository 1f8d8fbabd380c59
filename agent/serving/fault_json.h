// SPDX-License-Identifier: Apache-2.0
// Faults, errors and messages as JSON, with their words in both languages; times and texts that may be missing. Pure.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "agent/faults/fault.h"
#include "core/clock.h"
#include "core/error.h"

namespace postern::agent {

using Json = nlohmann::ordered_json;

Json time_or_null(core::Micros wall_us);
Json text_or_null(const std::string& text);

Json error_json(const core::Error& error, core::Micros since_wall_us);
Json fault_json(const Fault& fault);

}  // namespace postern::agent
