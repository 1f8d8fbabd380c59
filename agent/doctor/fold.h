// SPDX-License-Identifier: Apache-2.0
// Which findings follow from others. Pure; any thread.
#pragma once

#include "agent/doctor/judge.h"

namespace postern::agent::doctor {

/// Findings explained by a failure in `earlier` or in `now` become kSkip with that cause, and so do findings skipped
/// because of them. A failure explains findings about the same link and address, or about a part of it; a warning
/// explains only warnings.
void fold(const Findings& earlier, Findings& now);

}  // namespace postern::agent::doctor
