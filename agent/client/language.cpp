// SPDX-License-Identifier: Apache-2.0
#include "agent/client/language.h"

#include "agent/net/environment.h"
#include "agent/text/charset.h"

namespace postern::agent {

doctor::Language shown_language() {
    return can_show_chinese(terminal_charset(process_environment())) ? doctor::language_of_environment()
                                                                     : doctor::Language::kEnglish;
}

std::string told(const core::Message& message) {
    return doctor::Catalogue::in(shown_language()).of(message);
}

}  // namespace postern::agent
