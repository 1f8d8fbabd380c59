// SPDX-License-Identifier: Apache-2.0
// The language of what a command says. Main thread.
#pragma once

#include "agent/faults/catalogue.h"

namespace postern::agent {

/// That of the locale, where its charset can show it; else English.
doctor::Language shown_language();

}  // namespace postern::agent
