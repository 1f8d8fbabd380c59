// SPDX-License-Identifier: Apache-2.0
// What `postern endpoint create` will do, decided from the options, the host's location and the services that the
// account may connect to. Pure: every refusal names the alternatives and the option to use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/account/operation_reply.h"
#include "core/error.h"

namespace postern::agent {

/// As given on the command line; "" where not given.
struct EndpointWish {
    std::string service;  // its ID or its name
    std::string vpc, vswitch, zone;
    std::string security_group;  // "": postern's own group, created if missing
    std::string open_to;         // CIDR that must reach port 443
    std::string name;
};

/// Where this host is, from the metadata service; "" where it gives nothing.
struct HostPlace {
    std::string region, zone, vpc, vswitch, vpc_cidr;
    std::string account;  // of the credentials
};

struct Creation {
    EndpointService service;
    std::string service_region;  // "": the endpoint's region
    std::string vpc, zone, vswitch, name;
    core::IpPrefix open_to;
};

/// The region in "com.aliyuncs.privatelink.REGION.epsrv-…" if it differs from `region`, else "".
std::string other_region_of(const std::string& service_name, const std::string& region);

/// kUsage with the option to give, or kApiRejected if the service is not available: not visible to this account (not
/// whitelisted yet), or not in that zone.
core::Result<Creation> plan_endpoint(const EndpointWish& wish, const HostPlace& place,
                                     const std::vector<EndpointService>& services);

/// An endpoint of the plan's VPC on the plan's service that already has the plan's zone, if any. `existing`
/// with their zones.
const EndpointInfo* already_there(const Creation& plan, const std::vector<EndpointInfo>& existing);

/// What to do about the security group.
struct GroupChoice {
    enum class Step { kUse, kOpen, kCreate } step = Step::kCreate;  // kOpen: add the rule to postern's own group
    std::string id;                                                 // "" for kCreate
    std::string note;                                               // a note for the user; "" if none
};
inline constexpr const char* kOwnGroupName = "postern-privatelink";

/// `given` with its rules, if the user named one: never changed, and refused if its rules block port 443. Else `own`,
/// the group named kOwnGroupName in the VPC, if there is one.
core::Result<GroupChoice> plan_group(const Creation& plan, const std::optional<SecurityGroup>& given,
                                     const std::optional<SecurityGroup>& own, const TrafficSource& source);

inline constexpr std::uint16_t kEndpointPort = 443;

}  // namespace postern::agent
