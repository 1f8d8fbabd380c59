// SPDX-License-Identifier: Apache-2.0
#include "agent/account/account.h"

#include <algorithm>

namespace postern::agent {
namespace {

using core::Code;

const AliyunProduct kPrivateLink{"privatelink", "2020-04-15"};
const AliyunProduct kEcs{"ecs", "2014-05-26"};
const AliyunProduct kSts{"sts", "2015-04-01"};
constexpr const char* kPageSize = "50";        // the maximum of every document and gateway
constexpr const char* kRulesPageSize = "500";  // 10 to 1000 allowed
constexpr std::size_t kMaxPrefixLists = 20;    // for one judgement

std::string resource_of(const std::string& endpoint) {
    return "endpoint " + endpoint;
}

/// Makes a repeated write idempotent; a dry run must not use up the token.
std::pair<std::string, std::string> once(const std::string& client_token, bool dry_run) {
    return dry_run ? std::pair<std::string, std::string>{"DryRun", "true"}
                   : std::pair<std::string, std::string>{"ClientToken", client_token};
}

/// Where a zone's addresses come from; `prefix`: "Zone.N." of a create.
void add_place(NameValues& parameters, const std::string& prefix, const ZoneWish& zone) {
    parameters.emplace_back(prefix + "VSwitchId", zone.vswitch);
    if (zone.ipv4) parameters.emplace_back(prefix + "ip", zone.ipv4->text());  // in lower case in every document
    if (zone.ipv6) parameters.emplace_back(prefix + "Ipv6Address", zone.ipv6->text());
}

core::Error bad_reply(const std::string& action, const core::Error& error) {
    return {Code::kApiBadReply, core::message("{}: {}", action, error.what),
            "the API changed, or something else answers for it", 0};
}

}  // namespace

core::Result<std::vector<EndpointInfo>> EndpointCloud::endpoints(const std::string& vpc,
                                                                 const std::string& service_name) {
    NameValues parameters{{"MaxResults", kPageSize}};
    if (!vpc.empty()) parameters.emplace_back("VpcId", vpc);
    if (!service_name.empty()) parameters.emplace_back("ServiceName", service_name);
    return session_.pages<EndpointInfo>(kPrivateLink, "ListVpcEndpoints", parameters, "the account's endpoints",
                                        read_endpoint_infos_page);
}

core::Result<std::vector<EndpointZone>> EndpointCloud::zones(const std::string& endpoint, std::string* request_id) {
    return session_.pages<EndpointZone>(kPrivateLink, "ListVpcEndpointZones",
                                        {{"EndpointId", endpoint}, {"MaxResults", kPageSize}}, resource_of(endpoint),
                                        read_endpoint_zones_page, request_id);
}

core::Result<EndpointInfo> EndpointCloud::describe(const std::string& endpoint) {
    auto reply =
        session_.call(kPrivateLink, "GetVpcEndpointAttribute", {{"EndpointId", endpoint}}, resource_of(endpoint));
    if (!reply) return core::fail(std::move(reply.error()));
    auto info = read_endpoint_info(*reply);
    if (!info) return core::fail(bad_reply("GetVpcEndpointAttribute", info.error()));
    if (info->report.endpoint_id != endpoint) {
        return core::fail(
            bad_reply("GetVpcEndpointAttribute", {Code::kApiBadReply, "a reply about another endpoint", {}, 0}));
    }
    auto found = zones(endpoint, &info->report.request_id);
    if (!found) return core::fail(std::move(found.error()));
    info->set_zones(std::move(*found));
    refuse_impossible(info->report, session_.of_stand_in());
    return info;
}

core::Result<std::vector<AttachedGroup>> EndpointCloud::attached_groups(const std::string& endpoint) {
    return session_.pages<AttachedGroup>(kPrivateLink, "ListVpcEndpointSecurityGroups",
                                         {{"EndpointId", endpoint}, {"MaxResults", kPageSize}}, resource_of(endpoint),
                                         read_attached_groups_page);
}

core::Result<std::vector<EndpointService>> EndpointCloud::services(const std::string& other_region) {
    NameValues parameters{{"MaxResults", kPageSize}};
    if (!other_region.empty()) parameters.emplace_back("ServiceRegionId", other_region);
    return session_.pages<EndpointService>(kPrivateLink, "ListVpcEndpointServicesByEndUser", parameters,
                                           "the services that this account may connect to", read_services_page);
}

core::Result<SecurityGroup> EndpointCloud::security_group(const std::string& group) {
    auto parts = session_.pages<SecurityGroup>(
        kEcs, "DescribeSecurityGroupAttribute",
        {{"SecurityGroupId", group}, {"Direction", "ingress"}, {"NicType", "intranet"}, {"MaxResults", kRulesPageSize}},
        "security group " + group, read_security_group_page);
    if (!parts) return core::fail(std::move(parts.error()));
    SecurityGroup whole = std::move(parts->front());
    for (std::size_t i = 1; i < parts->size(); ++i) {
        auto& more = (*parts)[i].rules;
        whole.rules.insert(whole.rules.end(), more.begin(), more.end());
    }
    if (whole.id != group)
        return core::fail(Code::kApiBadReply, "DescribeSecurityGroupAttribute: a reply about another group");
    return whole;
}

PrefixLists EndpointCloud::prefix_lists(const std::vector<SecurityGroup>& groups) {
    PrefixLists out;
    std::set<std::string> asked;
    for (const auto& group : groups) {
        for (const auto& rule : group.rules) {
            if (rule.prefix_list.empty() || asked.size() == kMaxPrefixLists || !asked.insert(rule.prefix_list).second)
                continue;
            const auto reply = session_.call(kEcs, "DescribePrefixListAttributes", {{"PrefixListId", rule.prefix_list}},
                                             "prefix list " + rule.prefix_list);
            if (!reply) continue;
            if (auto prefixes = read_prefix_list(*reply)) out.emplace(rule.prefix_list, std::move(*prefixes));
        }
    }
    return out;
}

core::Result<std::optional<SecurityGroup>> EndpointCloud::own_group(const std::string& vpc) {
    auto found =
        session_.pages<SecurityGroup>(kEcs, "DescribeSecurityGroups",
                                      {{"VpcId", vpc}, {"SecurityGroupName", kOwnGroupName}, {"MaxResults", kPageSize}},
                                      "the VPC's security groups", read_security_groups_page);
    if (!found) return core::fail(std::move(found.error()));
    for (const auto& group : *found) {
        if (group.name != kOwnGroupName) continue;
        auto whole = security_group(group.id);
        if (!whole) return core::fail(std::move(whole.error()));
        return std::optional<SecurityGroup>(std::move(*whole));
    }
    return std::optional<SecurityGroup>();
}

std::string EndpointCloud::account() {
    if (const auto reply = session_.call(kSts, "GetCallerIdentity", {}, "the caller")) {
        std::string id = reply->at("AccountId").text();
        if (!id.empty() && id.size() <= 32 &&
            std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; }))
            return id;
    }
    return session_.metadata("owner-account-id").value_or("");
}

core::Result<std::string> EndpointCloud::create_group(const std::string& vpc, const std::string& client_token) {
    const auto reply = session_.call(kEcs, "CreateSecurityGroup",
                                     {{"VpcId", vpc},
                                      {"SecurityGroupName", kOwnGroupName},
                                      {"Description", "TCP 443 of PrivateLink endpoints, made by postern"},
                                      {"ClientToken", client_token}},
                                     "a security group in " + vpc);
    if (!reply) return core::fail(reply.error());
    auto id = read_id(*reply, "SecurityGroupId", "sg-");
    if (!id) return core::fail(bad_reply("CreateSecurityGroup", id.error()));
    return id;
}

core::Result<void> EndpointCloud::open_port(const std::string& group, const core::IpPrefix& from) {
    const std::string ports = std::to_string(kEndpointPort) + "/" + std::to_string(kEndpointPort);
    const auto reply =
        session_.call(kEcs, "AuthorizeSecurityGroup",
                      {{"SecurityGroupId", group},
                       {"Permissions.1.IpProtocol", "TCP"},
                       {"Permissions.1.PortRange", ports},
                       {from.ip.is_v6() ? "Permissions.1.Ipv6SourceCidrIp" : "Permissions.1.SourceCidrIp", from.text()},
                       {"Permissions.1.Policy", "accept"},
                       {"Permissions.1.Priority", "1"},
                       {"Permissions.1.NicType", "intranet"},
                       {"Permissions.1.Description", "PrivateLink endpoints"}},
                      "security group " + group);
    if (!reply) return core::fail(reply.error());
    return {};
}

core::Result<std::optional<EndpointInfo>> EndpointCloud::create(const Creation& plan, const std::string& group,
                                                                const std::string& client_token, bool dry_run) {
    NameValues parameters{{"VpcId", plan.vpc},
                          {"EndpointName", plan.name},
                          {"EndpointType", "Interface"},
                          {"AddressIpVersion", plan.dual_stack ? "DualStack" : "IPv4"},
                          {"ZoneAffinityEnabled", plan.zone_affinity ? "true" : "false"}};
    for (std::size_t i = 0; i < plan.zones.size(); ++i) {
        const std::string prefix = "Zone." + std::to_string(i + 1) + ".";
        parameters.emplace_back(prefix + "ZoneId", plan.zones[i].zone);
        add_place(parameters, prefix, plan.zones[i]);
    }
    for (std::size_t i = 0; i < plan.tags.size(); ++i) {
        const std::string prefix = "Tag." + std::to_string(i + 1) + ".";
        parameters.emplace_back(prefix + "Key", plan.tags[i].first);
        parameters.emplace_back(prefix + "Value", plan.tags[i].second);
    }
    if (!plan.resource_group.empty()) parameters.emplace_back("ResourceGroupId", plan.resource_group);
    if (plan.bandwidth != 0) parameters.emplace_back("CrossRegionBandwidth", std::to_string(plan.bandwidth));
    if (!plan.service.name.empty()) parameters.emplace_back("ServiceName", plan.service.name);
    if (!plan.service.id.empty()) parameters.emplace_back("ServiceId", plan.service.id);
    if (!plan.service_region.empty()) parameters.emplace_back("ServiceRegionId", plan.service_region);
    if (!group.empty()) parameters.emplace_back("SecurityGroupId.1", group);
    parameters.push_back(once(client_token, dry_run));
    const auto reply =
        session_.call(kPrivateLink, "CreateVpcEndpoint", std::move(parameters), "an endpoint in " + plan.vpc);
    if (!reply) return core::fail(reply.error());
    if (dry_run) return std::optional<EndpointInfo>();
    auto info = read_endpoint_info(*reply);
    if (!info) return core::fail(bad_reply("CreateVpcEndpoint", info.error()));
    return std::optional<EndpointInfo>(std::move(*info));
}

core::Result<void> EndpointCloud::remove(const std::string& endpoint, const std::string& client_token, bool dry_run) {
    const auto reply = session_.call(kPrivateLink, "DeleteVpcEndpoint",
                                     {{"EndpointId", endpoint}, once(client_token, dry_run)}, resource_of(endpoint));
    if (!reply) return core::fail(reply.error());
    return {};
}

core::Result<void> EndpointCloud::add_zone(const std::string& endpoint, const ZoneWish& zone,
                                           const std::string& client_token, bool dry_run) {
    NameValues parameters{{"EndpointId", endpoint}, {"ZoneId", zone.zone}};
    add_place(parameters, "", zone);
    parameters.push_back(once(client_token, dry_run));
    const auto reply =
        session_.call(kPrivateLink, "AddZoneToVpcEndpoint", std::move(parameters), resource_of(endpoint));
    if (!reply) return core::fail(reply.error());
    return {};
}

core::Result<void> EndpointCloud::remove_zone(const std::string& endpoint, const std::string& zone,
                                              const std::string& client_token, bool dry_run) {
    const auto reply =
        session_.call(kPrivateLink, "RemoveZoneFromVpcEndpoint",
                      {{"EndpointId", endpoint}, {"ZoneId", zone}, once(client_token, dry_run)}, resource_of(endpoint));
    if (!reply) return core::fail(reply.error());
    return {};
}

core::Result<void> EndpointCloud::remove_group(const std::string& group) {
    const auto reply =
        session_.call(kEcs, "DeleteSecurityGroup", {{"SecurityGroupId", group}}, "security group " + group);
    if (!reply) return core::fail(reply.error());
    return {};
}

}  // namespace postern::agent
