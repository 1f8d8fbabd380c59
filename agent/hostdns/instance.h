// SPDX-License-Identifier: Apache-2.0
// The identity of this machine. A golden image contains the state of the machine it was made from: a clone must
// detect that before it serves another machine's addresses.
#pragma once

#include <string>

#include "agent/config/paths.h"
#include "agent/hostdns/takeover.h"

namespace postern::agent {

/// "cloud-init=i-abc product=uuid machine=id", as far as the host has them; "" if it has none.
std::string instance_identity(const HostSystem& host);

/// The ID that the cloud gave this machine, "i-bp1example"; "" where cloud-init has not said.
std::string cloud_instance(const HostSystem& host);
/// As the kernel has it, without a domain of its own; "" if it has none.
std::string host_name();

/// Whether two identities are of different machines: a part that both have differs. A part that only one has (a
/// cloud-init that ran later) does not count, nor does an empty one.
bool other_machine(const std::string& saved, const std::string& now);

/// On a clone: the host gets its own DNS back, then every file that the table of paths does not keep is removed, and
/// running services are restarted. In any case the identity of this machine is saved. By root, under the takeover's
/// lock; the folders belong to an ordinary user.
core::Result<void> discard_other_machine(HostSystem& host, Takeover& takeover, const Paths& paths,
                                         const std::function<void(const core::Message&)>& say);

}  // namespace postern::agent
