// SPDX-License-Identifier: Apache-2.0
// Whether security groups allow a connection: rules from ECS DescribeSecurityGroupAttribute, evaluated as the
// platform does. Pure.
//
// Some rules depend on unknown facts (the members of a group, an unreadable list): the result is then "unknown",
// unless it is the same either way. This only explains; a probe decides. Not considered: the host's own egress rules,
// network ACLs, firewalls of the operating system.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"
#include "core/message.h"

namespace postern::agent {

struct SecurityGroupRule {
    enum class Policy { kAccept, kDrop, kOther };  // kOther: a policy that is not known here
    std::string id;                                // "sgr-…"; "" where the API gives none
    bool ingress = true;
    Policy policy = Policy::kOther;
    int priority = 1;               // 1..100, the lowest number wins
    std::string protocol;           // "TCP", "ALL", …, in any case
    std::string port_range;         // "443/443"; "-1/-1": all
    std::string source_port_range;  // "" and "-1/-1": all
    std::string port_range_list;    // an ID, instead of port_range
    // Exactly one source is set.
    std::string cidr, ipv6_cidr, group, prefix_list;
};

struct SecurityGroup {
    std::string id, name, vpc;
    bool members_reach_each_other = false;  // InnerAccessPolicy: Accept; basic groups only
    std::vector<SecurityGroupRule> rules;
};

/// By ID, those that could be read.
using PrefixLists = std::map<std::string, std::vector<core::IpPrefix>>;

struct TrafficSource {
    core::IpPrefix from;                             // a host is a /32 or /128
    std::optional<std::vector<std::string>> groups;  // the source's groups; nullopt: not known
    PrefixLists prefix_lists;
};

enum class Access { kYes, kNo, kUnknown };
std::string_view to_string(Access access);  // "yes", "no", "unknown"

struct AccessJudgement {
    Access access = Access::kUnknown;
    core::Message reason;  // names the rule, or says that there is none
};

/// Whether TCP from `source` to `port` is allowed where all of `groups` are attached: their ingress rules are
/// combined, the lowest priority number first, drop before accept at equal priority; the default is drop.
AccessJudgement judge_ingress(const std::vector<SecurityGroup>& groups, const TrafficSource& source,
                              std::uint16_t port);

/// "10.0.0.0/8" or "10.0.0.1"; host bits, which the cloud accepts, are cleared.
std::optional<core::IpPrefix> parse_cidr(std::string_view text);

}  // namespace postern::agent
