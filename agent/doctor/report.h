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
/// The last line: the overall state and the worst cause; of what is not known, what was not looked at and what that needs.
/// `left_out`: findings that the command line left out.
std::string verdict_text(const Findings& findings, const Catalogue& words, const Paint& paint,
                         const Findings& left_out = {});
/// {"schema_version":1,"verdict":…,"findings":[…]}. `config`: the file that repairs with postern's commands name, if it is not
/// the usual one.
std::string json_of(const Findings& findings, const Catalogue& words, const Findings& left_out = {},
                    const std::string& config = {});
/// Every code with its step, severity, owner and cause.
std::string list_text(const Catalogue& words);
/// Failed: failures; degraded: warnings; good: the rest passed, and nothing that matters was left unseen: a configuration,
/// or a path to its end, that could not be looked at, or a failure that the command line left out, make it unknown.
Overall overall_of(const Findings& findings, const Findings& left_out = {});

/// "20260102-030405", UTC: for file names.
std::string file_stamp(core::Micros wall_us);

}  // namespace postern::agent::doctor
