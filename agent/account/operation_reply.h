// The replies of the calls that `postern endpoint` makes, in words: endpoints, services, security groups,
// lists of prefixes, what was created. Pure; takes any bytes. Lists come plain from PrivateLink and wrapped
// from ECS; both are taken.
#pragma once

#include <string>
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

/// One endpoint as the account that owns it sees it.
struct EndpointInfo {
    EndpointReport report;  // zones are a call of their own
    std::string name, service_id, vpc, created;
};

struct EndpointService {
    std::string id, name, type, domain;
    std::vector<std::string> zones;
    bool accepts_by_itself = false;  // AutoAcceptEnabled: no click in the provider's console
};

struct AttachedGroup {
    std::string id, status;  // "Attached"; "Attaching", "Detaching"
};

core::Result<EndpointInfo> read_endpoint_info(const JsonView& reply);  // also CreateVpcEndpoint's reply
core::Result<Page<EndpointInfo>> read_endpoint_infos_page(const JsonView& reply);
core::Result<Page<EndpointService>> read_services_page(const JsonView& reply);
core::Result<Page<AttachedGroup>> read_attached_groups_page(const JsonView& reply);
/// DescribeSecurityGroupAttribute: of one item, the group with the rules of this page.
core::Result<Page<SecurityGroup>> read_security_group_page(const JsonView& reply);
/// DescribeSecurityGroups: without rules.
core::Result<Page<SecurityGroup>> read_security_groups_page(const JsonView& reply);
/// DescribePrefixListAttributes.
core::Result<std::vector<core::IpPrefix>> read_prefix_list(const JsonView& reply);
/// A field that must be there and looks like an ID ("sg-…"): the reply is of use only with it.
core::Result<std::string> read_id(const JsonView& reply, const char* field, std::string_view prefix);

/// "ep-bp1…" with a prefix, then letters and digits only: it goes into commands that people copy.
bool is_resource_id(std::string_view text, std::string_view prefix);

}  // namespace postern::agent
