// SPDX-License-Identifier: Apache-2.0
// Explains a key or a section that is not in the table of keys: a secret, a key of another section, the nearest known
// one. Its value is never repeated. Pure.
#pragma once

#include <string_view>

#include "agent/config/config_keys.h"
#include "core/message.h"

namespace postern::agent {

core::Message explain_unknown_key(Section section, std::string_view name);
core::Message explain_unknown_section(std::string_view name);

}  // namespace postern::agent
