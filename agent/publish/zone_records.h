// SPDX-License-Identifier: Apache-2.0
// Which records a name ought to have: its addresses for everybody, and those of a zone for the askers in it. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/endpoint/endpoint_set.h"
#include "agent/publish/private_zone.h"

namespace postern::agent::publish {

/// PrivateZone's line of the askers in an availability zone: "aliyun_r_cn-hangzhou-h".
std::string line_of(const std::string& zone);

/// The records of the private name, sorted, with our mark: each address on the default line; with `zone_lines` and
/// addresses in several zones, on each zone's line its own addresses. A line is complete: a family (A, AAAA) that the zone
/// lacks has all of its addresses there.
std::vector<ZoneRecord> wanted_records(const EndpointSet& addresses, bool zone_lines, int ttl_s);

/// 16 hex digits: the same for the same records.
std::string fingerprint(const std::vector<ZoneRecord>& records);

}  // namespace postern::agent::publish
