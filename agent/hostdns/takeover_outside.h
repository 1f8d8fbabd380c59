// SPDX-License-Identifier: Apache-2.0
// The real outside of a takeover: clocks, DNS queries, the system's lookups.
#pragma once

#include "agent/hostdns/takeover.h"

namespace postern::agent {

TakeoverHooks real_hooks(std::function<void(const core::Message&)> say);

}  // namespace postern::agent
