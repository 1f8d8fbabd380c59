// SPDX-License-Identifier: Apache-2.0
// Parses PrivateZone's replies (2018-01-01). Pure; accepts any bytes. A reply without its list is an error, not "none".
#pragma once

#include <string>
#include <vector>

#include "agent/publish/private_zone.h"
#include "agent/text/json_view.h"

namespace postern::agent::publish {

inline constexpr int kMaxPages = 40;

template <class T>
struct NumberedPage {
    std::vector<T> items;
    bool last = true;
};

/// DescribeZones: without VPCs and records. `page`: its number, from 1.
core::Result<NumberedPage<PrivateZone>> read_zones(const JsonView& reply, int page);
/// DescribeZoneInfo: without records.
core::Result<PrivateZone> read_zone_info(const JsonView& reply);
/// DescribeZoneRecords.
core::Result<NumberedPage<ZoneRecord>> read_zone_records(const JsonView& reply, int page);
/// AddZone's ZoneId.
core::Result<std::string> read_zone_id(const JsonView& reply);

}  // namespace postern::agent::publish
