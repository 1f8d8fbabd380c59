// SPDX-License-Identifier: Apache-2.0
// Explains why a probe failed: what is wrong, and the next step with its command. Texts are from doctor's English
// catalogue; used by status, /health, the page and `postern probe`.
#pragma once

#include <string>
#include <string_view>

#include "agent/faults/catalogue.h"
#include "probe/probe_types.h"

namespace postern::agent {

struct ReasonContext {
    std::string link;  // "" on a bare command line
    std::string host;
    std::string ip;  // one address; "" for several
    std::uint16_t port = 443;
};

/// "refuses the connection: nothing listens on port 443": follows a subject such as "10.0.1.23".
std::string reason_cause(probe::Reason reason, const ReasonContext& context,
                         doctor::Language language = doctor::Language::kEnglish);
/// The next step, with names filled in. "" for kNone.
std::string reason_fix(probe::Reason reason, const ReasonContext& context,
                       doctor::Language language = doctor::Language::kEnglish);
/// The owner of the fix: "you", "whoever runs your VPC", "TDengine Cloud", "Alibaba Cloud".
std::string reason_owner(probe::Reason reason);

}  // namespace postern::agent
