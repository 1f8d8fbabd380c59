// SPDX-License-Identifier: Apache-2.0
// What `postern endpoint create` will do, decided from the options, the host's location and the services that the
// account may connect to. Pure: every refusal names the alternatives and the option to use.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/account/operation_reply.h"
#include "core/error.h"

namespace postern::agent {

/// A zone and where its addresses come from; "" and nullopt where the host's own, or the cloud's choice, is taken.
struct ZoneWish {
    std::string zone, vswitch;
    std::optional<core::IpAddress> ipv4, ipv6;
    bool operator==(const ZoneWish&) const = default;
};
/// "ZONE[,VSWITCH][,IPV4][,IPV6]": "" if valid, else what is wrong.
core::Message read_zone_wish(std::string_view text, ZoneWish* out);
/// The same text again, for commands that are copied.
std::string zone_wish_text(const ZoneWish& wish);

inline constexpr std::size_t kMaxZones = 10, kMaxTags = 20, kMaxOpenTo = 10;
/// "KEY=VALUE" or "KEY", as the API limits them: "" if valid, else what is wrong.
core::Message read_tag(std::string_view text, std::pair<std::string, std::string>* out);

/// As given on the command line; "" where not given.
struct EndpointWish {
    std::string service;         // its ID or its name
    std::string service_region;  // "": the endpoint's, unless the service's name says another
    std::string vpc, vswitch;    // `vswitch`: of the only zone
    std::vector<ZoneWish> zones;
    std::string security_group;        // "": postern's own group, created if missing
    std::vector<std::string> open_to;  // CIDRs that must reach port 443
    std::string name, resource_group;
    std::vector<std::pair<std::string, std::string>> tags;
    bool dual_stack = false, zone_affinity = false;
    int bandwidth = 0;  // Mbit/s between regions; 0: the API's default
};

/// Where this host is, from the metadata service; "" where it gives nothing.
struct HostPlace {
    std::string region, zone, vpc, vswitch, vpc_cidr;
    std::string account;  // of the credentials
};

struct Creation {
    EndpointService service;
    std::string service_region;  // "": the endpoint's region
    std::string vpc, name, resource_group;
    std::vector<ZoneWish> zones;  // one at least, each with its vSwitch
    std::vector<core::IpPrefix> open_to;
    std::vector<std::pair<std::string, std::string>> tags;
    bool dual_stack = false, zone_affinity = false;
    int bandwidth = 0;
};

/// The given zone with this host's vSwitch where that is in it; kUsage if no vSwitch of the zone is known. `vpc`: the
/// endpoint's.
core::Result<ZoneWish> place_zone(ZoneWish wish, const HostPlace& host, const std::string& vpc);

/// The region in "com.aliyuncs.privatelink.REGION.epsrv-…" if it differs from `region`, else "".
std::string other_region_of(const std::string& service_name, const std::string& region);
/// Where the wanted service is, "" for `region`: as given, else as its name says.
std::string service_region_of(const EndpointWish& wish, const std::string& region);

/// kUsage with the option to give, or kApiRejected if the service is not available: not visible to this account (not
/// whitelisted yet), or not in that zone.
core::Result<Creation> plan_endpoint(const EndpointWish& wish, const HostPlace& place,
                                     const std::vector<EndpointService>& services);

/// An endpoint of the plan's VPC on the plan's service that already has a zone of the plan, if any. `existing`
/// with their zones.
const EndpointInfo* already_there(const Creation& plan, const std::vector<EndpointInfo>& existing);
/// kApiRejected if the endpoint that is there lacks something of the plan, with the command that adds it.
core::Result<void> serves_plan(const Creation& plan, const EndpointInfo& existing);

/// What to do about the security group.
struct GroupChoice {
    enum class Step { kUse, kOpen, kCreate } step = Step::kCreate;  // kOpen: add the rule to postern's own group
    std::string id;                                                 // "" for kCreate
    core::Message note;                                             // a note for the user; "" if none
    std::vector<core::IpPrefix> open;                               // for kOpen and kCreate: the ranges to let in
};
inline constexpr const char* kOwnGroupName = "postern-privatelink";

/// `given` with its rules, if the user named one: never changed, and refused if its rules block port 443. Else `own`,
/// the group named kOwnGroupName in the VPC, if there is one: refused if it stays shut with the rules that would be
/// added, because a drop is stronger.
core::Result<GroupChoice> plan_group(const Creation& plan, const std::optional<SecurityGroup>& given,
                                     const std::optional<SecurityGroup>& own, const PrefixLists& lists);

inline constexpr std::uint16_t kEndpointPort = 443;

}  // namespace postern::agent
