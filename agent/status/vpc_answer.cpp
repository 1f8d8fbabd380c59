// SPDX-License-Identifier: Apache-2.0
#include "agent/status/vpc_answer.h"

#include <algorithm>

#include "agent/faults/catalogue.h"
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

std::string_view not_known(const VpcAnswer& a, const DiscoveryStatus& link) {
    if (a.error && !a.known()) return "error";
    if (a.at_wall_us == 0) return "unasked";
    return link.known ? "nothing" : "not_known";
}

/// The finding's key among the catalogue's texts. Sets finding, missing, foreign and the values.
std::string_view judged(VpcAnswer& a, const DiscoveryStatus& link) {
    if (a.known() && a.no_name) {
        a.finding = VpcFinding::kNoName;
        return "no_name";
    }
    if (!a.known() || link.addresses.empty()) return not_known(a, link);
    const Addresses endpoints = all_of(link);
    for (const auto& ip : a.addresses) {
        if (!contains(endpoints, ip)) a.foreign.push_back(ip);
    }
    for (const auto& address : link.addresses) {
        if (a.tells_of(address.ip) && !a.has(address.ip)) a.missing.push_back(address.ip);
    }
    a.finding = !a.foreign.empty() ? VpcFinding::kOther : !a.missing.empty() ? VpcFinding::kFewer : VpcFinding::kSame;
    return to_string(a.finding);
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
    a.says = judged(a, link);
    a.values = {{"host", a.host},
                {"found", text_of(a.addresses)},
                {"foreign", text_of(a.foreign)},
                {"missing", text_of(a.missing)},
                {"expected", describe(link.addresses)},
                {"why", a.error ? doctor::told_value(a.error->what) : ""}};
    a.text = doctor::Catalogue::in(doctor::Language::kEnglish).text("vpc", a.says, a.values);
}

}  // namespace postern::agent
