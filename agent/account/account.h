// SPDX-License-Identifier: Apache-2.0
// The cloud calls of `postern endpoint`, typed: PrivateLink's endpoints and services, ECS's security groups.
// Blocking. The RAM policies in packaging/ram list exactly these calls.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/account/creation.h"
#include "agent/account/operation_reply.h"
#include "agent/account/session.h"

namespace postern::agent {

class EndpointCloud {
  public:
    explicit EndpointCloud(CloudSession& session) : session_(session) {}

    // Reading: packaging/ram/postern-read.json.
    /// A filter that is "" matches any.
    core::Result<std::vector<EndpointInfo>> endpoints(const std::string& vpc, const std::string& service_name);
    /// State and zones of one endpoint.
    core::Result<EndpointInfo> describe(const std::string& endpoint);
    core::Result<std::vector<EndpointZone>> zones(const std::string& endpoint, std::string* request_id = nullptr);
    core::Result<std::vector<AttachedGroup>> attached_groups(const std::string& endpoint);
    /// `other_region`: the region of the services, "" for this one.
    core::Result<std::vector<EndpointService>> services(const std::string& other_region);
    /// With all its ingress rules.
    core::Result<SecurityGroup> security_group(const std::string& group);
    /// The readable prefix lists of the groups' rules; rules with an unreadable list stay undecided.
    PrefixLists prefix_lists(const std::vector<SecurityGroup>& groups);
    /// postern's own group in the VPC, with its rules.
    core::Result<std::optional<SecurityGroup>> own_group(const std::string& vpc);
    /// The account of the credentials; "" if it is not known.
    std::string account();

    // Writing: packaging/ram/postern-create.json.
    /// The new group's ID.
    core::Result<std::string> create_group(const std::string& vpc, const std::string& client_token);
    core::Result<void> open_port(const std::string& group, const core::IpPrefix& from);
    /// nullopt after a dry run that passed. `group` "": none yet (dry run).
    core::Result<std::optional<EndpointInfo>> create(const Creation& plan, const std::string& group,
                                                     const std::string& client_token, bool dry_run);
    /// Its zones must be gone.
    core::Result<void> remove(const std::string& endpoint, const std::string& client_token, bool dry_run);
    core::Result<void> add_zone(const std::string& endpoint, const ZoneWish& zone, const std::string& client_token,
                                bool dry_run);
    core::Result<void> remove_zone(const std::string& endpoint, const std::string& zone,
                                   const std::string& client_token, bool dry_run);
    core::Result<void> remove_group(const std::string& group);

  private:
    CloudSession& session_;
};

}  // namespace postern::agent
