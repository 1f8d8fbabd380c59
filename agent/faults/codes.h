// SPDX-License-Identifier: Apache-2.0
// The closed set of doctor's codes, in the order of its steps. A code is never reused with another meaning.
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
    std::optional<probe::Reason> reason = {};  // of a probe that failed this way
};

std::span<const CodeInfo> all_codes();
/// Null for an unknown code and for the codes of passed steps.
const CodeInfo* find_code(std::string_view code);
/// The code of a failed probe; there is one for every reason but kNone.
const CodeInfo& code_of(probe::Reason reason);
/// A fault that is worth a line and does not degrade the agent: the configuration works as it is.
bool is_remark(std::string_view code);
/// The order in which faults are told: what makes the others old news, failures, warnings, what is not known, remarks.
bool told_before(const Fault& a, const Fault& b);
/// "PN-RESOLV-CONF": the code of a passed or skipped step.
std::string step_code(Step step);

}  // namespace postern::agent::doctor
