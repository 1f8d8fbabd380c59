// SPDX-License-Identifier: Apache-2.0
// The addresses of a link, whatever their source. Sorted, so operator== tells whether anything changed.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "core/ip_address.h"
#include "core/message.h"

namespace postern::agent {

/// What an address is that no interface endpoint has, as "a link-local address"; "" for one that an endpoint may have. An
/// IPv4 address written as IPv6 (RFC 4291 2.5.5) is none, and a loopback one only where `loopback_taken`: the API is a
/// stand-in on this host.
core::Message why_no_endpoint(const core::IpAddress& ip, bool loopback_taken);

struct EndpointAddress {
    core::IpAddress ip;
    std::string zone;                                          // "cn-hangzhou-h"; "" for fixed addresses
    std::string endpoint;                                      // "ep-…"; "" for fixed addresses
    auto operator<=>(const EndpointAddress&) const = default;  // NOLINT(modernize-use-nullptr)
};

using EndpointSet = std::vector<EndpointAddress>;  // sorted by ip, no ip twice

/// Sorts, drops duplicates (the first zone wins).
EndpointSet make_endpoint_set(std::vector<EndpointAddress> addresses);

/// The addresses in the given zones; all if none is given. Addresses of sources without zones always stay, an address that
/// the API gives without its zone does not.
EndpointSet narrowed(const EndpointSet& set, const std::vector<std::string>& zones);

/// "10.0.1.23 (cn-hangzhou-h), 10.0.2.9 (cn-hangzhou-i)"; "none" when empty.
std::string describe(const EndpointSet& set);

}  // namespace postern::agent
