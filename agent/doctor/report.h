// SPDX-License-Identifier: Apache-2.0
// Findings as text and as JSON.
#pragma once

#include "agent/doctor/judge.h"
#include "agent/faults/catalogue.h"
#include "agent/status/overall.h"
#include "agent/text/terminal.h"

namespace postern::agent::doctor {

/// One line for a passed check, a block for a problem.
std::string text_of(const Findings& findings, const Catalogue& words, const Paint& paint, std::size_t columns);
/// The last line: the overall state and the worst cause.
std::string verdict_text(const Findings& findings, const Catalogue& words, const Paint& paint);
/// {"schema_version":1,"verdict":…,"findings":[…]}
std::string json_of(const Findings& findings, const Catalogue& words);
/// Every code with its step, severity, owner and cause.
std::string list_text(const Catalogue& words);
/// Good: all passed; degraded: warnings; failed: failures; unknown: nothing could be checked.
Overall overall_of(const Findings& findings);

/// "20260102-030405", UTC: for file names.
std::string file_stamp(core::Micros wall_us);

}  // namespace postern::agent::doctor
