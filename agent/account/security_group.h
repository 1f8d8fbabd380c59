// Does a security group let a connection in? Rules as ECS DescribeSecurityGroupAttribute gives them, and the
// judgement of them as the platform makes it. Pure: whoever has the rules and the addresses can ask.
//
// What a rule means may depend on what is not known here (the members of a group, a list that can't be read):
// the answer then is "unknown", unless the rules come to the same whichever way that falls out. A probe is
// the truth; this only explains it. Not seen here: the host's own egress rules, network ACLs, firewalls of
// the operating system.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"

namespace postern::agent {

struct SecurityGroupRule {
    enum class Policy { kAccept, kDrop, kOther };  // kOther: a word of a later time
    std::string id;                                // "sgr-…"; "" where the API has none
    bool ingress = true;
    Policy policy = Policy::kOther;
    int priority = 1;               // 1..100, the smaller the stronger
    std::string protocol;           // "TCP", "ALL", …, in any case
    std::string port_range;         // "443/443"; "-1/-1": all
    std::string source_port_range;  // "" and "-1/-1": all
    std::string port_range_list;    // an ID, instead of port_range
    // The source: one of these.
    std::string cidr, ipv6_cidr, group, prefix_list;
};

struct SecurityGroup {
    std::string id, name, vpc;
    bool members_reach_each_other = false;  // InnerAccessPolicy: Accept, which only basic groups have
    std::vector<SecurityGroupRule> rules;
};

struct TrafficSource {
    core::IpPrefix from;                                              // a host is a /32 or /128
    std::optional<std::vector<std::string>> groups;                   // that it is in; nothing: not known
    std::map<std::string, std::vector<core::IpPrefix>> prefix_lists;  // by ID, those that could be read
};

enum class Access { kYes, kNo, kUnknown };
std::string_view to_string(Access access);  // "yes", "no", "unknown"

struct AccessJudgement {
    Access access = Access::kUnknown;
    std::string reason;  // names the rule, or says that there is none
};

/// Whether TCP from `source` to `port` gets in where all of `groups` are attached: their ingress rules count
/// together, the least priority number first, and drop before accept among equals; what no rule matches is
/// dropped.
AccessJudgement judge_ingress(const std::vector<SecurityGroup>& groups, const TrafficSource& source,
                              std::uint16_t port);

/// "10.0.0.0/8" or "10.0.0.1"; bits behind the length, which the cloud lets pass, are cleared.
std::optional<core::IpPrefix> parse_cidr(std::string_view text);

}  // namespace postern::agent
