// What `postern endpoint create` will do, decided from what was asked for, where this host is, and what the
// account may connect to. Pure: every refusal names what there is instead and the option that changes it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/account/operation_reply.h"
#include "core/error.h"

namespace postern::agent {

/// As given on the command line; "" where nothing was.
struct EndpointWish {
    std::string service;  // its ID or its name
    std::string vpc, vswitch, zone;
    std::string security_group;  // "": postern's own, made where there is none
    std::string open_to;         // CIDR that must reach port 443
    std::string name;
};

/// Where this host is, as the metadata service says; "" where it does not.
struct HostPlace {
    std::string region, zone, vpc, vswitch, vpc_cidr;
    std::string account;  // of the credentials
};

struct Creation {
    EndpointService service;
    std::string service_region;  // "": the endpoint's own
    std::string vpc, zone, vswitch, name;
    core::IpPrefix open_to;
};

/// The region in "com.aliyuncs.privatelink.REGION.epsrv-…" when it is another than `region`, else "".
std::string other_region_of(const std::string& service_name, const std::string& region);

/// kUsage with the option to give, or kApiRejected when the service can't be had: not visible to this account
/// (not whitelisted yet), or not in that zone.
core::Result<Creation> plan_endpoint(const EndpointWish& wish, const HostPlace& place,
                                     const std::vector<EndpointService>& services);

/// An endpoint of the plan's VPC on the plan's service that already has the plan's zone; nothing: none.
/// `existing` with their zones.
const EndpointInfo* already_there(const Creation& plan, const std::vector<EndpointInfo>& existing);

/// What is to happen with the security group.
struct GroupChoice {
    enum class Step { kUse, kOpen, kCreate } step = Step::kCreate;  // kOpen: add the rule to the group, which is ours
    std::string id;                                                 // "" for kCreate
    std::string note;                                               // what to know about it; "" nothing
};
inline constexpr const char* kOwnGroupName = "postern-privatelink";

/// `given` with its rules, where the user named one: never changed, and refused when its rules keep port 443
/// shut. Else `own`, the group of kOwnGroupName in the VPC, if there is one.
core::Result<GroupChoice> plan_group(const Creation& plan, const std::optional<SecurityGroup>& given,
                                     const std::optional<SecurityGroup>& own, const TrafficSource& source);

inline constexpr std::uint16_t kEndpointPort = 443;

}  // namespace postern::agent
