// SPDX-License-Identifier: Apache-2.0
#include "agent/faults/reason_text.h"

#include "agent/faults/codes.h"

namespace postern::agent {

using probe::Reason;

namespace {

std::string text_of(Reason reason, std::string_view part, const ReasonContext& context, doctor::Language language) {
    const doctor::Values values = {{"ip", context.ip.empty() ? "ADDRESS" : context.ip},
                                   {"host", context.host},
                                   {"port", std::to_string(context.port)},
                                   {"link", context.link}};
    return doctor::Catalogue::in(language).of(doctor::code_of(reason).code, part, values);
}

}  // namespace

std::string reason_cause(Reason reason, const ReasonContext& context, doctor::Language language) {
    return reason == Reason::kNone ? doctor::Catalogue::in(language).of("answers")
                                   : text_of(reason, "cause", context, language);
}
std::string reason_fix(Reason reason, const ReasonContext& context, doctor::Language language) {
    return reason == Reason::kNone ? "" : text_of(reason, "fix", context, language);
}
std::string reason_owner(Reason reason) {
    if (reason == Reason::kNone) return "";
    return doctor::Catalogue::in(doctor::Language::kEnglish).text("owners", to_string(doctor::code_of(reason).owner));
}

}  // namespace postern::agent
