// SPDX-License-Identifier: Apache-2.0
// An interface of postern's own with one address, which this machine and the pods on it reach: nothing of it leaves the
// machine. Over rtnetlink, since an image without a shell has no ip(8). Blocks; for a command.
#pragma once

#include <string>

#include "core/error.h"
#include "core/ip_address.h"

namespace postern::agent {

/// Makes an interface, dummy or else one end of a veth pair, unless there is one of this name (1 to 15 bytes, no "/" and no blank), gives it the address
/// alone (/32, /128) and sets it up. What is there already stays. kUsage for a name that the kernel does not take,
/// kPermission without CAP_NET_ADMIN, else kSocket.
core::Result<void> make_interface(const std::string& name, const core::IpAddress& address);

}  // namespace postern::agent
