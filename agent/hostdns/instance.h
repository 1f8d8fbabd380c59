// Which machine this is. A golden image carries the state of the machine it was made from: a clone must find that out
// before it serves another machine's addresses.
#pragma once

#include <string>

#include "agent/config/paths.h"
#include "agent/hostdns/takeover.h"

namespace postern::agent {

/// "cloud-init=i-abc product=uuid machine=id", of each what the host knows; "" when it knows none.
std::string instance_identity(const HostSystem& host);

/// Whether two identities are of different machines: one thing that both know differs. What only one of them knows (a
/// cloud-init that ran later) says nothing; neither does an empty one.
bool other_machine(const std::string& saved, const std::string& now);

/// On a clone: the host gets its own DNS back, then everything that the table of paths does not keep goes, and what runs
/// starts anew. In any case this machine is remembered. By root, under the takeover's lock; the folders belong to an
/// ordinary user. `known_upstreams` as in Takeover::disable().
core::Result<void> discard_other_machine(HostSystem& host, Takeover& takeover, const Paths& paths,
                                         const std::vector<core::SocketAddress>& known_upstreams,
                                         const std::function<void(const std::string&)>& say);

}  // namespace postern::agent
