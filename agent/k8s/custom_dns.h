// SPDX-License-Identifier: Apache-2.0
// ACK's CustomDNSConfig "default", from which managed CoreDNS is configured: a zone of its own with `hosts` for each private
// name. Zones of others stay as they are; ours are listed in an annotation. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/k8s/objects.h"

namespace postern::agent::k8s {

/// Every change makes CoreDNS load its configuration again, which takes about that long.
inline constexpr core::Micros kDnsSettles = 20 * core::kSecond;

struct HostsWish {
    std::string host;
    std::vector<core::IpAddress> addresses;  // what is answered; IPv6 is left out: the object can't say it
};

struct CustomDnsPlan {
    ObjectStep step;
    struct Left {
        std::string host;
        core::Message why;
    };
    std::vector<Left> left;          // names that are not as they should be, and stay so
    std::vector<std::string> stray;  // names of ours that no wish has: they stay
};

CustomDnsPlan plan_custom_dns(const std::vector<HostsWish>& wishes, const std::optional<JsonView>& there,
                              core::Micros now_wall_us);
/// Takes our zones away; `hosts` empty: all of them.
CustomDnsPlan plan_custom_dns_undo(const std::vector<std::string>& hosts, const std::optional<JsonView>& there,
                                   core::Micros now_wall_us);
/// How long the next change has to wait for the last one, by the object: 0 to kDnsSettles.
core::Micros settles_in(const std::optional<JsonView>& there, core::Micros now_wall_us);

inline const ObjectName kCustomDns{Kind::kCustomDns, "default"};

}  // namespace postern::agent::k8s
