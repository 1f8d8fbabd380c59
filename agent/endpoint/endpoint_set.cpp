// SPDX-License-Identifier: Apache-2.0
#include "agent/endpoint/endpoint_set.h"
#include "core/text.h"

#include <algorithm>
#include <array>

namespace postern::agent {

core::Message why_no_endpoint(const core::IpAddress& ip, bool loopback_taken) {
    static const core::IpAddress kMetadata = core::IpAddress::v4(0x646464c8);
    static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (ip.is_v6() && std::equal(kMapped.begin(), kMapped.end(), ip.data())) return "an IPv4 address written as IPv6";
    if (ip.is_link_local()) return "a link-local address";
    if (ip == kMetadata) return "the address of the metadata service";
    if (ip.is_loopback()) return loopback_taken ? "" : "a loopback address";
    return ip.is_host() ? "" : "no address of a host";
}

EndpointSet make_endpoint_set(std::vector<EndpointAddress> addresses) {
    std::stable_sort(addresses.begin(), addresses.end(), [](auto& a, auto& b) { return a.ip < b.ip; });
    const auto same_ip = [](auto& a, auto& b) { return a.ip == b.ip; };
    addresses.erase(std::unique(addresses.begin(), addresses.end(), same_ip), addresses.end());
    return addresses;
}

EndpointSet narrowed(const EndpointSet& set, const std::vector<std::string>& zones) {
    if (zones.empty()) return set;
    EndpointSet out;
    for (const auto& a : set) {
        const bool has_no_zones = a.zone.empty() && !a.endpoint.starts_with("ep-");
        if (has_no_zones || std::find(zones.begin(), zones.end(), a.zone) != zones.end()) out.push_back(a);
    }
    return out;
}

std::string describe(const EndpointSet& set) {
    std::string out;
    for (const auto& a : set) {
        core::add_item(out, a.ip.text());
        if (!a.zone.empty()) out += " (" + a.zone + ")";
    }
    return out.empty() ? "none" : out;
}

}  // namespace postern::agent
