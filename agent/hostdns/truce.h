// SPDX-License-Identifier: Apache-2.0
// Another program keeps rewriting resolv.conf: how long the file is left to it. Each truce soon after another is
// longer: 1, 2, 4, 8, then 15 minutes without a rewrite. Pure.
#pragma once

#include "agent/hostdns/journal.h"

namespace postern::agent {

/// Counts a rewrite; true: there were too many within a minute.
bool count_rewrite(Journal& journal, core::Micros now_us);
/// How many count_rewrite() bears.
inline constexpr std::size_t kRewritesToTruce = 5;

/// A truce begins.
void begin_truce(Journal& journal, core::Micros now_us);
/// When it ends, if nothing is rewritten until then.
core::Micros truce_end(const Journal& journal);
/// Also where the clock was set back.
bool truce_is_over(const Journal& journal, core::Micros now_us);

}  // namespace postern::agent
