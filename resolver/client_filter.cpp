// SPDX-License-Identifier: Apache-2.0
#include "resolver/client_filter.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "core/own_interface.h"

namespace postern::resolver {
namespace {

bool is_mapped(const sockaddr_in6& a) {
    return IN6_IS_ADDR_V4MAPPED(&a.sin6_addr);
}

/// The IPv4 address in network order if `peer` is one, also as an IPv4-mapped IPv6 address.
bool as_v4(const PeerAddress& peer, std::uint32_t* out) {
    if (peer.any.sa_family == AF_INET) {
        *out = peer.v4.sin_addr.s_addr;
        return true;
    }
    if (!is_mapped(peer.v6)) return false;
    std::memcpy(out, peer.v6.sin6_addr.s6_addr + 12, 4);
    return true;
}

}  // namespace

core::IpAddress PeerAddress::ip() const {
    std::uint32_t address = 0;
    if (as_v4(*this, &address)) return core::IpAddress::v4(ntohl(address));
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), v6.sin6_addr.s6_addr, bytes.size());
    return core::IpAddress::v6(bytes);
}

std::uint16_t PeerAddress::port() const {
    return ntohs(any.sa_family == AF_INET ? v4.sin_port : v6.sin6_port);
}

bool is_loopback(const PeerAddress& peer) {
    std::uint32_t address = 0;
    if (as_v4(peer, &address)) return (ntohl(address) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&peer.v6.sin6_addr);
}

ClientFilter::ClientFilter(const std::vector<core::IpPrefix>& allow) {
    for (const auto& prefix : allow) {
        if (prefix.ip.is_v6()) {
            v6_.push_back(prefix);
            continue;
        }
        V4 entry;
        entry.mask = htonl(prefix.length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix.length));
        std::memcpy(&entry.value, prefix.ip.data(), 4);
        entry.value &= entry.mask;
        v4_.push_back(entry);
    }
    V4 own_interface{.mask = ~std::uint32_t{0}};  // a forged one gets no reply: it is on no wire
    std::memcpy(&own_interface.value, core::IpAddress::parse(core::kOwnInterface)->data(), 4);
    v4_.push_back(own_interface);
}

bool ClientFilter::allows(const PeerAddress& peer) const {
    std::uint32_t address = 0;
    if (as_v4(peer, &address)) {
        return std::any_of(v4_.begin(), v4_.end(), [&](const V4& e) { return (address & e.mask) == e.value; });
    }
    if (v6_.empty()) return false;
    const core::IpAddress ip = peer.ip();
    return std::any_of(v6_.begin(), v6_.end(), [&](const core::IpPrefix& p) { return p.contains(ip); });
}

}  // namespace postern::resolver
