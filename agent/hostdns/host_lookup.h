// SPDX-License-Identifier: Apache-2.0
// Resolves a name the way any program of this host does.
#pragma once

#include <string>

#include "agent/hostdns/takeover.h"

namespace postern::agent {

/// getaddrinfo in a child process, so that it reads nsswitch and resolv.conf again. `patience`: in whole seconds, 1 at
/// least; after that it has failed.
SystemLookup look_up_as_programs_do(const std::string& name, core::Micros patience = kLookupPatience);

}  // namespace postern::agent
