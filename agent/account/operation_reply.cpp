// SPDX-License-Identifier: Apache-2.0
#include "agent/account/operation_reply.h"

#include <algorithm>

#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr std::size_t kMaxWord = 300;
constexpr std::size_t kMaxItems = 2000;  // on one page
constexpr std::size_t kMaxTags = 20;     // of one endpoint

std::string word(const JsonView& node) {
    const std::string text = node.text();
    return std::string(core::whole_characters(text, kMaxWord));
}

template <class T, class Read>
core::Result<Page<T>> read_page(const JsonView& reply, const char* plural, const char* singular, Read read) {
    Page<T> out;
    const auto items = read_page_items(reply, plural, singular, plural, &out.next_token, &out.request_id);
    if (!items) return core::fail(items.error());
    if (items->size() > kMaxItems)
        return core::fail(Code::kApiBadReply, core::message("an endless list of {}", std::string(plural)));
    for (const JsonView& item : *items) {
        core::Result<T> one = read(item);
        if (!one) return core::fail(std::move(one.error()));
        out.items.push_back(std::move(*one));
    }
    return out;
}

SecurityGroupRule::Policy read_policy(const std::string& text) {
    using Policy = SecurityGroupRule::Policy;
    const std::string word = core::lowered(text);
    return word == "accept" ? Policy::kAccept : word == "drop" ? Policy::kDrop : Policy::kOther;
}

core::Result<SecurityGroupRule> read_rule(const JsonView& item) {
    if (!item.is_object()) return core::fail(Code::kApiBadReply, "a security group whose rules are no objects");
    SecurityGroupRule out;
    out.id = word(item.at("SecurityGroupRuleId"));
    out.ingress = word(item.at("Direction")) != "egress";
    out.policy = read_policy(word(item.at("Policy")));
    out.priority = static_cast<int>(std::clamp<std::int64_t>(item.at("Priority").integer().value_or(1), 1, 100));
    out.protocol = word(item.at("IpProtocol"));
    out.port_range = word(item.at("PortRange"));
    out.source_port_range = word(item.at("SourcePortRange"));
    out.port_range_list = word(item.at("PortRangeListId"));
    out.cidr = word(item.at("SourceCidrIp"));
    out.ipv6_cidr = word(item.at("Ipv6SourceCidrIp"));
    out.group = word(item.at("SourceGroupId"));
    out.prefix_list = word(item.at("SourcePrefixListId"));
    return out;
}

core::Result<SecurityGroup> read_group(const JsonView& item) {
    SecurityGroup out;
    out.id = word(item.at("SecurityGroupId"));
    out.name = word(item.at("SecurityGroupName"));
    out.vpc = word(item.at("VpcId"));
    out.members_reach_each_other =
        read_policy(word(item.at("InnerAccessPolicy"))) == SecurityGroupRule::Policy::kAccept;
    if (out.id.empty()) return core::fail(Code::kApiBadReply, "a reply that describes no security group");
    return out;
}

}  // namespace

bool is_resource_id(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix) || text.size() <= prefix.size() || text.size() > 64) return false;
    return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(prefix.size()), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    });
}

core::Result<EndpointInfo> read_endpoint_info(const JsonView& reply) {
    auto report = read_endpoint_attribute(reply);
    if (!report) return core::fail(std::move(report.error()));
    // It goes into commands and configurations that are copied.
    if (!is_resource_id(report->endpoint_id, "ep-"))
        return core::fail(Code::kApiBadReply, "a reply whose endpoint has no ID");
    EndpointInfo out;
    out.report = std::move(*report);
    out.name = word(reply.at("EndpointName"));
    out.service_id = word(reply.at("ServiceId"));
    out.vpc = word(reply.at("VpcId"));
    out.created = word(reply.at("CreateTime"));
    out.ip_version = word(reply.at("AddressIpVersion"));
    out.resource_group = word(reply.at("ResourceGroupId"));
    out.service_region = word(reply.at("ServiceRegionId"));
    out.zone_affinity = reply.at("ZoneAffinityEnabled").boolean();
    out.bandwidth = reply.at("CrossRegionBandwidth").integer();
    JsonView tags = reply.at("Tags");
    if (tags.is_object()) tags = tags.at("Tag");
    if (tags.is_array()) out.tags.emplace();
    for (const JsonView& tag : tags.items()) {
        if (out.tags->size() == kMaxTags) break;
        out.tags->emplace_back(word(tag.at({"Key", "TagKey"})), word(tag.at({"Value", "TagValue"})));
    }
    return out;
}

void EndpointInfo::set_zones(std::vector<EndpointZone> found) {
    zones = std::move(found);
    report.zones.clear();
    for (const auto& zone : zones)
        report.zones.push_back(zone.report);
}

core::Result<Page<EndpointZone>> read_endpoint_zones_page(const JsonView& reply) {
    auto page = read_zones_page(reply);
    if (!page) return core::fail(std::move(page.error()));
    Page<EndpointZone> out{{}, page->next_token, page->request_id};
    JsonView list = reply.at("Zones");
    if (list.is_object()) list = list.at("Zone");
    auto report = page->zones.begin();  // of each row, in its order
    for (const JsonView& row : list.items()) {
        if (report == page->zones.end()) break;
        EndpointZone zone;
        zone.eni = word(row.at("EniId"));
        zone.vswitch = word(row.at("VSwitchId"));
        zone.region = word(row.at("RegionId"));
        zone.report = std::move(*report++);
        out.items.push_back(std::move(zone));
    }
    return out;
}

core::Result<Page<EndpointInfo>> read_endpoint_infos_page(const JsonView& reply) {
    return read_page<EndpointInfo>(reply, "Endpoints", "Endpoint", read_endpoint_info);
}

core::Result<Page<EndpointService>> read_services_page(const JsonView& reply) {
    return read_page<EndpointService>(
        reply, "Services", "Service", [](const JsonView& item) -> core::Result<EndpointService> {
            EndpointService out;
            out.id = word(item.at("ServiceId"));
            out.name = word(item.at("ServiceName"));
            out.type = word(item.at("ServiceType"));
            out.domain = word(item.at("ServiceDomain"));
            out.ip_version = word(item.at("AddressIpVersion"));
            out.accepts_by_itself = item.at("AutoAcceptEnabled").boolean().value_or(false);
            JsonView zones = item.at("Zones");
            if (zones.is_object()) zones = zones.at("Zone");
            for (const JsonView& zone : zones.items()) {
                // Strings in this reply; objects in the replies about endpoints.
                const std::string id = zone.is_object() ? word(zone.at("ZoneId")) : word(zone);
                if (!id.empty()) out.zones.push_back(id);
            }
            if (out.id.empty() && out.name.empty())
                return core::fail(Code::kApiBadReply, "a reply whose services have no names");
            return out;
        });
}

core::Result<Page<AttachedGroup>> read_attached_groups_page(const JsonView& reply) {
    return read_page<AttachedGroup>(
        reply, "SecurityGroups", "SecurityGroup", [](const JsonView& item) -> core::Result<AttachedGroup> {
            AttachedGroup out{word(item.at("SecurityGroupId")), word(item.at("SecurityGroupStatus"))};
            if (out.id.empty()) return core::fail(Code::kApiBadReply, "a reply whose security groups have no IDs");
            return out;
        });
}

core::Result<Page<SecurityGroup>> read_security_group_page(const JsonView& reply) {
    auto rules = read_page<SecurityGroupRule>(reply, "Permissions", "Permission", read_rule);
    if (!rules) return core::fail(std::move(rules.error()));
    auto group = read_group(reply);
    if (!group) return core::fail(std::move(group.error()));
    group->rules = std::move(rules->items);
    return Page<SecurityGroup>{{std::move(*group)}, rules->next_token, rules->request_id};
}

core::Result<Page<SecurityGroup>> read_security_groups_page(const JsonView& reply) {
    return read_page<SecurityGroup>(reply, "SecurityGroups", "SecurityGroup", read_group);
}

core::Result<std::vector<core::IpPrefix>> read_prefix_list(const JsonView& reply) {
    auto page =
        read_page<core::IpPrefix>(reply, "Entries", "Entry", [](const JsonView& item) -> core::Result<core::IpPrefix> {
            const auto prefix = parse_cidr(item.at("Cidr").text());
            if (!prefix) return core::fail(Code::kApiBadReply, "a prefix list with something else in it");
            return *prefix;
        });
    if (!page) return core::fail(std::move(page.error()));
    return std::move(page->items);
}

core::Result<std::string> read_id(const JsonView& reply, const char* field, std::string_view prefix) {
    std::string id = word(reply.at(field));
    if (!is_resource_id(id, prefix))
        return core::fail(Code::kApiBadReply, core::message("a reply without a {}", std::string(field)));
    return id;
}

}  // namespace postern::agent
