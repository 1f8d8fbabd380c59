// SPDX-License-Identifier: Apache-2.0
#include "agent/status/vpc_answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"

namespace postern::agent {

namespace {

using Addresses = std::vector<core::IpAddress>;

bool contains(const Addresses& list, const core::IpAddress& ip) {
    return std::find(list.begin(), list.end(), ip) != list.end();
}

std::string text_of(const Addresses& list) {
    return core::joined(list, [](const auto& ip) { return ip.text(); });
}

/// All that the reports have, ready or not and in any zone.
Addresses all_of(const DiscoveryStatus& link) {
    Addresses out;
    for (const auto& a : link.addresses)
        out.push_back(a.ip);
    for (const auto& report : link.reports) {
        for (const auto& zone : report.zones) {
            for (const auto& ip : {zone.ipv4, zone.ipv6}) {
                if (ip) out.push_back(*ip);
            }
        }
    }
    return out;
}

std::string not_known(const VpcAnswer& a, const DiscoveryStatus& link) {
    if (a.error && !a.known()) return fmt::format("the VPC's DNS does not answer about {}: {}", a.host, a.error->what);
    if (a.at_wall_us == 0) return fmt::format("the VPC's DNS was not asked about {} yet", a.host);
    return fmt::format(
        "the VPC's DNS answers {}, and {}", text_of(a.addresses),
        link.known ? "no address is there to compare with" : "the endpoint's addresses are not known yet");
}

}  // namespace

std::string_view to_string(VpcFinding finding) {
    switch (finding) {
        case VpcFinding::kUnknown:
            return "unknown";
        case VpcFinding::kSame:
            return "same";
        case VpcFinding::kFewer:
            return "fewer";
        case VpcFinding::kOther:
            return "other";
        case VpcFinding::kNoName:
            return "no_name";
        case VpcFinding::kCount:
            break;
    }
    return "unknown";
}

bool VpcAnswer::tells_of(const core::IpAddress& ip) const {
    const auto same_family = [&](const auto& other) { return other.is_v6() == ip.is_v6(); };
    return known() && (!partial || std::any_of(addresses.begin(), addresses.end(), same_family));
}

bool VpcAnswer::has(const core::IpAddress& ip) const {
    return contains(addresses, ip);
}

void judge_vpc_answer(VpcAnswer& a, const DiscoveryStatus& link) {
    a.missing.clear();
    a.foreign.clear();
    a.finding = VpcFinding::kUnknown;
    if (a.known() && a.no_name) {
        a.finding = VpcFinding::kNoName;
        a.text = fmt::format("the VPC's DNS has no address for {}", a.host);
        return;
    }
    if (!a.known() || link.addresses.empty()) {
        a.text = not_known(a, link);
        return;
    }
    const Addresses endpoints = all_of(link);
    for (const auto& ip : a.addresses) {
        if (!contains(endpoints, ip)) a.foreign.push_back(ip);
    }
    for (const auto& address : link.addresses) {
        if (a.tells_of(address.ip) && !a.has(address.ip)) a.missing.push_back(address.ip);
    }
    if (!a.foreign.empty()) {
        a.finding = VpcFinding::kOther;
        a.text = fmt::format("the VPC's DNS answers {} for {}, where the endpoint is not: it has {}",
                             text_of(a.foreign), a.host, describe(link.addresses));
    } else if (!a.missing.empty()) {
        a.finding = VpcFinding::kFewer;
        a.text = fmt::format("the VPC's DNS answers {}, and not {}", text_of(a.addresses), text_of(a.missing));
    } else {
        a.finding = VpcFinding::kSame;
        a.text = fmt::format("the VPC's DNS answers the endpoint's addresses: {}", text_of(a.addresses));
    }
}

}  // namespace postern::agent
