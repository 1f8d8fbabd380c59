// Findings for people and for programs.
#pragma once

#include "agent/doctor/judge.h"
#include "agent/faults/catalogue.h"
#include "agent/status/overall.h"
#include "agent/text/terminal.h"

namespace postern::agent::doctor {

/// A line for what is well, a block for what is not.
std::string text_of(const Findings& findings, const Catalogue& words, const Paint& paint, std::size_t columns);
/// The last line: status's word for it all, and the worst cause.
std::string verdict_text(const Findings& findings, const Catalogue& words, const Paint& paint);
/// {"schema_version":1,"verdict":…,"findings":[…]}
std::string json_of(const Findings& findings, const Catalogue& words);
/// Every code with its step, severity, owner and cause.
std::string list_text(const Catalogue& words);
/// Good: all passed; degraded: warnings; failed: failures; unknown: nothing could be checked.
Overall overall_of(const Findings& findings);

/// "20260102-030405", UTC: for names of files that are made once.
std::string file_stamp(core::Micros wall_us);

}  // namespace postern::agent::doctor
