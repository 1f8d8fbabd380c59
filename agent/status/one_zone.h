// SPDX-License-Identifier: Apache-2.0
// A followed name that leads to one zone of an endpoint that has several: with zone affinity on, the endpoint's domain
// name is answered with the address of the asker's zone, and nothing is left when that zone fails. Said only where a
// report about the endpoint (API, zones file) shows the other zones. Pure; used by status and doctor.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/discovery/known_source.h"
#include "agent/faults/fault.h"

namespace postern::agent {

struct OneZone {
    std::string name;              // as followed
    std::string endpoint;          // "ep-…"
    std::string zone;              // that the name leads to
    std::string others;            // the endpoint's zones of which the link has no address, "cn-hangzhou-i, …"
    std::string domains;           // the names of all its zones, to be followed instead; "" where the report has none
    std::optional<bool> affinity;  // ZoneAffinityEnabled; nullopt: not known
};

/// A name that is followed, and what it gave.
struct FollowedName {
    std::string name;
    std::string leads_to;  // the last name of its CNAME chain
    std::vector<core::IpAddress> gave;
};

/// The finding about a name, if the report is about the endpoint that it leads to. `in_use`: all addresses of the link.
std::optional<OneZone> one_zone(const FollowedName& followed, const std::vector<core::IpAddress>& in_use,
                                const EndpointReport& endpoint);
/// The same for a link's sources, with the reports of all links.
std::optional<OneZone> one_zone(const DiscoveryStatus& link, const std::vector<EndpointReport>& known);

/// The finding as PN-ENDPOINT-AFFINITY of the link.
Fault fault_of(const OneZone& finding, const std::string& link);

}  // namespace postern::agent
