// A name looked up as any program of this host does it.
#pragma once

#include <string>

#include "agent/hostdns/takeover.h"

namespace postern::agent {

/// getaddrinfo in a child process, so that nsswitch and resolv.conf are read anew; 10 s at most.
SystemLookup look_up_as_programs_do(const std::string& name);

}  // namespace postern::agent
