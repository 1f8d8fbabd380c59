// SPDX-License-Identifier: Apache-2.0
// Waiting without a loop: commands and helpers that block their thread.
#pragma once

#include "core/clock.h"

namespace postern::core {

/// A signal does not shorten it.
void sleep_for(Micros us);

}  // namespace postern::core
