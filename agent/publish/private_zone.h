// SPDX-License-Identifier: Apache-2.0
// A zone of PrivateZone and its records, as the API shows them, and how postern marks what it made. Pure data.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"

namespace postern::agent::publish {

/// The Remark of every record and zone that postern made. Only what carries exactly this is changed or deleted.
inline constexpr std::string_view kMark = "managed by postern";
/// Rr of the private name itself: its zone has exactly its name.
inline constexpr std::string_view kApex = "@";
/// Rr of the publishers' notes (zone_note.h).
inline constexpr std::string_view kNoteRr = "_postern";
/// The line of askers that no other line is for.
inline constexpr std::string_view kDefaultLine = "default";

struct ZoneRecord {
    std::string id;  // "" before it exists
    std::string rr;
    std::string type;   // "A", "AAAA", "TXT", …
    std::string value;  // an address in core::IpAddress's form
    std::string line = std::string(kDefaultLine);
    int ttl_s = 0;
    bool enabled = true;  // false: somebody has paused it (SetZoneRecordStatus)
    std::string remark;
    bool operator==(const ZoneRecord&) const = default;
};

struct BoundVpc {
    std::string region, vpc;
    std::string type;                                   // "STANDARD", "EDS"; "": not told
    auto operator<=>(const BoundVpc&) const = default;  // NOLINT(modernize-use-nullptr)
};

struct PrivateZone {
    std::string id, name, remark;
    bool fast = false;  // FAST_ZONE: has lines, and answers are not cached
    std::vector<BoundVpc> vpcs;
    std::vector<ZoneRecord> records;
    bool ours() const { return remark == kMark; }
    bool operator==(const PrivateZone&) const = default;
};

/// "A 10.0.1.23 for aliyun_r_cn-hangzhou-h, TTL 30", for people.
std::string describe(const ZoneRecord& record);

/// The zone for a name among those that have it: the one that postern made, else one that a wished VPC uses, else one
/// that no VPC uses. nullptr: none of them; the others belong to other VPCs. Any publisher chooses the same.
const PrivateZone* choose_zone(const std::vector<PrivateZone>& zones, const std::vector<BoundVpc>& vpcs);
/// Whether the VPC uses the zone.
bool is_bound(const PrivateZone& zone, const BoundVpc& vpc);

}  // namespace postern::agent::publish
