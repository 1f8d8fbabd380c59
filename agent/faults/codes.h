// The closed set of codes that doctor can find, in the order of the walk. Codes are never reused for something else.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "agent/faults/finding.h"
#include "probe/probe_types.h"

namespace postern::agent::doctor {

enum class Owner { kYou, kCloudAdmin, kTdengine, kAlibaba };
std::string_view to_string(Owner owner);  // "cloud_admin"

struct CodeInfo {
    std::string_view code;
    Step step;
    State severity;  // kFail or kWarn
    Owner owner;
    /// Codes whose failure explains this one, separated by blanks.
    std::string_view explained_by = {};
    std::optional<probe::Reason> reason = {};  // of a probe that fails this way
};

std::span<const CodeInfo> all_codes();
/// Null for a code that is none, and for those of passed steps.
const CodeInfo* find_code(std::string_view code);
/// The code of a failed probe; there is one for every reason but kNone.
const CodeInfo& code_of(probe::Reason reason);
/// "PN-RESOLV-CONF": of a step that passed or was skipped.
std::string step_code(Step step);

/// Findings that a failure in `earlier` or in `now` itself explains become kSkip because of it, and so does what was
/// skipped because of them. A failure explains what is about the same link and address, or what is about a part of it; a
/// warning explains warnings alone.
void fold(const std::vector<Finding>& earlier, std::vector<Finding>& now);

}  // namespace postern::agent::doctor
