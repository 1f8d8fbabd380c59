// SPDX-License-Identifier: Apache-2.0
// The faults that the agent's parts report, as JSON's "warnings" and "warning_kinds" have them. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "agent/faults/catalogue.h"
#include "agent/faults/fault.h"

namespace postern::agent {

/// "config", "discovery", "zones", "clock", "host_dns" or "freeing"; "agent" of all others.
std::string_view warning_kind(const Fault& fault);
/// The fault in English, with its link and the command that repairs it.
std::string warning_text(const Fault& fault,
                         const doctor::Catalogue& words = doctor::Catalogue::in(doctor::Language::kEnglish));

}  // namespace postern::agent
