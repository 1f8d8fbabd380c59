// SPDX-License-Identifier: Apache-2.0
// Which clients are answered: the plan's `allow` prefixes, compared with the address as the kernel
// gives it. Immutable.
#pragma once

#include <vector>

#include "resolver/peer.h"

namespace postern::resolver {

bool is_loopback(const PeerAddress& peer);

class ClientFilter {
  public:
    ClientFilter() = default;
    explicit ClientFilter(const std::vector<core::IpPrefix>& allow);
    bool allows(const PeerAddress& peer) const;

  private:
    struct V4 {
        std::uint32_t mask = 0;  // network order, as the peer's address
        std::uint32_t value = 0;
    };
    std::vector<V4> v4_;
    std::vector<core::IpPrefix> v6_;
};

}  // namespace postern::resolver
