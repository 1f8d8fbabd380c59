// Which machine this is. A golden image carries the state of the machine it was made from: a clone must find that out
// before it serves another machine's addresses.
#pragma once

#include <string>

#include "agent/hostdns/host_system.h"

namespace postern::agent {

/// "cloud-init=i-abc product=uuid machine=id", of each what the host knows; "" when it knows none.
std::string instance_identity(const HostSystem& host);

/// Whether two identities are of different machines: one thing that both know differs. What only one of them knows (a
/// cloud-init that ran later) says nothing; neither does an empty one.
bool other_machine(const std::string& saved, const std::string& now);

}  // namespace postern::agent
