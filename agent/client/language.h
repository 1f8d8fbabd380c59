// SPDX-License-Identifier: Apache-2.0
// The language of what a command says. Main thread.
#pragma once

#include <string>

#include "agent/faults/catalogue.h"
#include "core/message.h"

namespace postern::agent {

/// That of the locale, where its charset can show it; else English.
doctor::Language shown_language();
/// The message in that language.
std::string told(const core::Message& message);

}  // namespace postern::agent
