// SPDX-License-Identifier: Apache-2.0
// Parses the replies to `postern endpoint`: endpoints, services, security groups, prefix lists, created resources.
// Pure; accepts any bytes. PrivateLink's lists are plain, ECS's are wrapped; both forms are accepted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/account/security_group.h"
#include "agent/cloud/aliyun_reply.h"

namespace postern::agent {

template <class T>
struct Page {
    std::vector<T> items;
    std::string next_token;  // "" on the last page
    std::string request_id;
};

/// A zone of an endpoint, with what only a saved reply needs of it.
struct EndpointZone {
    ZoneReport report;
    std::string eni, vswitch, region;
};

/// One endpoint as its account sees it.
struct EndpointInfo {
    EndpointReport report;  // without zones: they need another call
    std::string name, service_id, vpc, created;
    std::string ip_version;  // "IPv4", "DualStack"
    std::string resource_group, service_region;
    // nullopt: not told.
    std::optional<bool> zone_affinity;
    std::optional<std::int64_t> bandwidth;  // Mbit/s between regions
    std::optional<std::vector<std::pair<std::string, std::string>>>
        tags;                         // lists tell them, GetVpcEndpointAttribute not
    std::vector<EndpointZone> zones;  // as in the report

    void set_zones(std::vector<EndpointZone> found);
};

struct EndpointService {
    std::string id, name, type, domain;
    std::vector<std::string> zones;
    bool accepts_by_itself = false;  // AutoAcceptEnabled: no step in the provider's console
    std::string ip_version = {};     // "IPv4", "DualStack"; "" where it is not told
};

struct AttachedGroup {
    std::string id, status;  // "Attached"; "Attaching", "Detaching"
};

core::Result<EndpointInfo> read_endpoint_info(const JsonView& reply);  // also CreateVpcEndpoint's reply
core::Result<Page<EndpointInfo>> read_endpoint_infos_page(const JsonView& reply);
core::Result<Page<EndpointZone>> read_endpoint_zones_page(const JsonView& reply);
core::Result<Page<EndpointService>> read_services_page(const JsonView& reply);
core::Result<Page<AttachedGroup>> read_attached_groups_page(const JsonView& reply);
/// DescribeSecurityGroupAttribute: one item, the group with the rules of this page.
core::Result<Page<SecurityGroup>> read_security_group_page(const JsonView& reply);
/// DescribeSecurityGroups: without rules.
core::Result<Page<SecurityGroup>> read_security_groups_page(const JsonView& reply);
/// DescribePrefixListAttributes.
core::Result<std::vector<core::IpPrefix>> read_prefix_list(const JsonView& reply);
/// A required field that looks like an ID ("sg-…").
core::Result<std::string> read_id(const JsonView& reply, const char* field, std::string_view prefix);

/// "ep-bp1…": a prefix, then letters and digits only: it goes into commands that are copied.
bool is_resource_id(std::string_view text, std::string_view prefix);

}  // namespace postern::agent
