// SPDX-License-Identifier: Apache-2.0
#include "agent/account/security_group.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace postern::agent {
namespace {

using core::IpAddress;
using core::IpPrefix;
using Policy = SecurityGroupRule::Policy;

enum class Match { kNo, kMaybe, kYes };

struct Candidate {
    const SecurityGroup* group;
    const SecurityGroupRule* rule;
    Match match;
};

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

Match match_protocol(const std::string& protocol) {
    if (same_word(protocol, "TCP") || same_word(protocol, "ALL")) return Match::kYes;
    for (const char* other : {"UDP", "ICMP", "ICMPV6", "GRE"}) {
        if (same_word(protocol, other)) return Match::kNo;
    }
    return Match::kMaybe;
}

struct PortRange {
    int first = 0, last = 0;
};
std::optional<PortRange> parse_ports(std::string_view text) {
    PortRange out;
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto read = [](std::string_view part, int& value) {
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        return error == std::errc{} && end == part.data() + part.size();
    };
    if (!read(text.substr(0, slash), out.first) || !read(text.substr(slash + 1), out.last)) return std::nullopt;
    if (out.first == -1 && out.last == -1) return PortRange{0, 65535};
    return out;
}

Match match_port(const SecurityGroupRule& rule, std::uint16_t port) {
    if (rule.port_range.empty()) return Match::kMaybe;  // a port list, or an unknown form
    const auto ports = parse_ports(rule.port_range);
    if (!ports) return Match::kMaybe;
    return ports->first <= port && port <= ports->last ? Match::kYes : Match::kNo;
}

/// A rule on the source port can't be decided: the kernel chooses that port.
Match match_source_port(const std::string& range) {
    if (range.empty()) return Match::kYes;
    const auto ports = parse_ports(range);
    return ports && ports->first <= 1 && ports->last >= 65535 ? Match::kYes : Match::kMaybe;
}

/// Whether `outer` contains all of `inner`, a part, or nothing.
Match covers(const IpPrefix& outer, const IpPrefix& inner) {
    if (outer.length <= inner.length) return outer.contains(inner.ip) ? Match::kYes : Match::kNo;
    return inner.contains(outer.ip) ? Match::kMaybe : Match::kNo;
}

Match match_cidr(const std::string& cidr, const IpPrefix& from) {
    const auto prefix = parse_cidr(cidr);
    return prefix ? covers(*prefix, from) : Match::kMaybe;
}

Match match_source(const SecurityGroupRule& rule, const TrafficSource& source) {
    if (!rule.cidr.empty()) return match_cidr(rule.cidr, source.from);
    if (!rule.ipv6_cidr.empty()) return match_cidr(rule.ipv6_cidr, source.from);
    if (!rule.group.empty()) {
        if (!source.groups) return Match::kMaybe;
        const auto& groups = *source.groups;
        return std::find(groups.begin(), groups.end(), rule.group) != groups.end() ? Match::kYes : Match::kNo;
    }
    const auto list = source.prefix_lists.find(rule.prefix_list);
    if (rule.prefix_list.empty() || list == source.prefix_lists.end()) return Match::kMaybe;
    Match best = Match::kNo;
    for (const auto& prefix : list->second)
        best = std::max(best, covers(prefix, source.from));
    return best;
}

Match match_rule(const SecurityGroupRule& rule, const TrafficSource& source, std::uint16_t port) {
    return std::min({match_protocol(rule.protocol), match_port(rule, port), match_source_port(rule.source_port_range),
                     match_source(rule, source)});
}

core::Message describe_source(const SecurityGroupRule& rule) {
    for (const auto* text : {&rule.cidr, &rule.ipv6_cidr}) {
        if (!text->empty()) return *text;
    }
    if (!rule.group.empty()) return core::message("members of {}", rule.group);
    return rule.prefix_list.empty() ? core::Message("an unnamed source")
                                    : core::message("prefix list {}", rule.prefix_list);
}

core::Message describe(const Candidate& c) {
    const auto& rule = *c.rule;
    const char* does = rule.policy == Policy::kAccept ? "accepts" : rule.policy == Policy::kDrop ? "drops" : "handles";
    const core::Message ports =
        rule.port_range.empty() ? core::message("port list {}", rule.port_range_list) : core::Message(rule.port_range);
    return core::message("{} of {} {} {} {} from {} (priority {})",
                         rule.id.empty() ? core::Message("a rule") : core::message("rule {}", rule.id), c.group->id,
                         does, rule.protocol, ports, describe_source(rule), rule.priority);
}

std::vector<Candidate> candidates(const std::vector<SecurityGroup>& groups, const TrafficSource& source,
                                  std::uint16_t port) {
    std::vector<Candidate> out;
    for (const auto& group : groups) {
        for (const auto& rule : group.rules) {
            const Match match = rule.ingress ? match_rule(rule, source, port) : Match::kNo;
            if (match != Match::kNo) out.push_back({&group, &rule, match});
        }
    }
    std::stable_sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) {
        const auto rank = [](const Candidate& c) {
            return std::pair(c.rule->priority, c.rule->policy != Policy::kDrop);
        };
        return rank(a) < rank(b);
    });
    return out;
}

std::string text_of(const IpPrefix& from) {
    return from.length == from.ip.size() * 8 ? from.ip.text() : from.text();
}

AccessJudgement unknown_because(const Candidate& c) {
    return {Access::kUnknown, core::message("{}, and it is not known here whether it applies", describe(c))};
}

/// No rule decides: groups block everything, except their own members if so configured.
AccessJudgement judge_default(const std::vector<SecurityGroup>& groups, const TrafficSource& source, std::uint16_t port,
                              const Candidate* uncertain_drop) {
    std::string names, open_inside;
    for (const auto& group : groups) {
        core::add_item(names, group.id);
        if (!group.members_reach_each_other) continue;
        const bool member =
            source.groups && std::find(source.groups->begin(), source.groups->end(), group.id) != source.groups->end();
        if (member && uncertain_drop != nullptr) return unknown_because(*uncertain_drop);
        if (member) return {Access::kYes, core::message("members of {} reach each other", group.id)};
        if (!source.groups) open_inside = group.id;
    }
    const core::Message nothing = core::message("no rule of {} opens TCP {} to {}", names, port, text_of(source.from));
    if (open_inside.empty()) return {Access::kNo, nothing};
    return {Access::kUnknown,
            core::message("{}; only members of {} get in, and it is not known whether this host is one", nothing,
                          open_inside)};
}

}  // namespace

std::string_view to_string(Access access) {
    return access == Access::kYes ? "yes" : access == Access::kNo ? "no" : "unknown";
}

std::optional<IpPrefix> parse_cidr(std::string_view text) {
    const auto slash = text.find('/');
    const auto ip = IpAddress::parse(text.substr(0, slash));
    if (!ip) return std::nullopt;
    const unsigned bits = static_cast<unsigned>(ip->size() * 8);
    unsigned length = bits;
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
        if (error != std::errc{} || end != digits.data() + digits.size() || length > bits) return std::nullopt;
    }
    std::array<std::uint8_t, 16> bytes{};
    for (unsigned bit = 0; bit < length; ++bit) {
        bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | (ip->data()[bit / 8] & (0x80u >> (bit % 8))));
    }
    if (ip->is_v6()) return IpPrefix{IpAddress::v6(bytes), static_cast<std::uint8_t>(length)};
    const std::uint32_t v4 =
        std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
    return IpPrefix{IpAddress::v4(v4), static_cast<std::uint8_t>(length)};
}

AccessJudgement judge_ingress(const std::vector<SecurityGroup>& groups, const TrafficSource& source,
                              std::uint16_t port) {
    if (groups.empty()) return {Access::kUnknown, "no security group is attached: no rule applies"};
    const auto matching = candidates(groups, source, port);
    const Candidate* maybe_accept = nullptr;
    const Candidate* maybe_drop = nullptr;
    for (const auto& c : matching) {
        const bool certain = c.match == Match::kYes && c.rule->policy != Policy::kOther;
        if (!certain) {
            // The first uncertain rule of each kind; an unknown policy may be either.
            if (c.rule->policy != Policy::kDrop && maybe_accept == nullptr) maybe_accept = &c;
            if (c.rule->policy != Policy::kAccept && maybe_drop == nullptr) maybe_drop = &c;
            continue;
        }
        const bool accepts = c.rule->policy == Policy::kAccept;
        const Candidate* stronger = accepts ? maybe_drop : maybe_accept;
        if (stronger != nullptr) return unknown_because(*stronger);
        return {accepts ? Access::kYes : Access::kNo, describe(c)};
    }
    if (maybe_accept != nullptr) return unknown_because(*maybe_accept);
    return judge_default(groups, source, port, maybe_drop);
}

}  // namespace postern::agent
