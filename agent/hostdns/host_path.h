// SPDX-License-Identifier: Apache-2.0
// The host's own path: whether programs of this host get our answers. Looked at from outside, with getaddrinfo, whatever
// the journal says of files and links.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "agent/hostdns/path_look.h"
#include "agent/hostdns/takeover.h"

namespace postern::agent {

class HostPath {
  public:
    /// `patience`: for each lookup.
    HostPath(const HostSystem& host, const TakeoverHooks& hooks, core::Micros patience = kLookupPatience)
        : host_(host), hooks_(hooks), patience_(patience) {}

    /// Looks up a private name that has an address and is not in /etc/hosts, as programs do it: they must get addresses
    /// of ours. `public_too`: a public name first, as far as postern itself finds it. Two lookups at most.
    PathLook look(const Target& target, bool public_too);

    /// How long a lookup takes as programs see it: the shorter of two, the first may be that of an empty cache.
    core::Micros quickest(const std::string& name) const;
    /// The longest of that, of the names that the last look() found; 0 if there are none.
    core::Micros slowest_found() const;

  private:
    PathLook look_at_public(const Target& target);
    PathLook look_at_private(const Target& target);

    const HostSystem& host_;
    const TakeoverHooks& hooks_;
    const core::Micros patience_;
    // What we answered lately. Resolvers in between may keep an answer for its TTL, so that it is not that of now.
    std::set<core::IpAddress> answered_;
    std::vector<std::string> found_;  // by the last look
};

}  // namespace postern::agent
