// SPDX-License-Identifier: Apache-2.0
// What has to be done so that PrivateZone answers a name with its addresses, from what is wanted and what is there. Pure:
// it is made anew from a fresh look before every step, so that a run that was killed is completed by the next one.
//
// - A name has an address at every moment: what is new is added before what is old is deleted, the VPC is bound when the
//   records are there, and without an address nothing is changed.
// - What does not carry postern's mark is never changed. A foreign A, AAAA or CNAME record of the name is a conflict: the
//   name is left as it is. A VPC that others bound stays bound.
// - Publishers agree, or leave it as it is: each leaves its wish in a note, and changes records only while no other
//   fresh note wishes otherwise. It is written before, and the zone looked at again after that, so of two that change
//   at the same time at least one sees the other.
// - A name changes at most once in kBetweenChanges, whoever changes it; a change that was begun is completed at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/endpoint/endpoint_set.h"
#include "agent/publish/private_zone.h"
#include "agent/publish/zone_note.h"
#include "core/message.h"

namespace postern::agent::publish {

inline constexpr core::Micros kBetweenChanges = 30 * core::kSecond;
inline constexpr core::Micros kChangeTime = 5 * core::kMinute;  // what a change that was begun may take

struct NameWish {
    std::string host;
    EndpointSet addresses;  // after the answer policy; empty: not known
    bool zone_lines = true;
    int ttl_s = 30;  // 5 or 30
    std::vector<BoundVpc> vpcs;
    std::string publisher;
};

struct Step {
    enum class Kind { kMakeZone, kMarkZone, kNote, kAdd, kUpdate, kBind, kDelete, kRemoveZone };
    Kind kind = Kind::kAdd;
    ZoneRecord record = {};           // kNote, kAdd, kUpdate (as it shall be), kDelete
    std::vector<BoundVpc> vpcs = {};  // kBind: the whole set that shall be bound
    bool operator==(const Step&) const = default;
};
std::string_view to_string(Step::Kind kind);
/// "add A 10.0.1.23, TTL 30", for people. `host`: the zone's name.
core::Message describe(const Step& step, const std::string& host);

struct ZonePlan {
    enum class Left { kNothing, kNoAddress, kForeignRecord, kDisagreement, kTooSoon, kZoneStays };
    std::vector<Step> steps;
    Left left = Left::kNothing;  // why something is not done now
    core::Message why;           // the same for people, with the next step
    core::Micros wait_us = 0;    // kTooSoon: until it may be done
    std::vector<core::Message> remarks;

    /// Whether the records of the name are not yet as wanted.
    bool changes() const;
};
std::string_view to_string(ZonePlan::Left left);

/// `there`: the chosen zone, nullptr if there is none; `made_here`: this run made it, so it may be marked.
ZonePlan plan_zone(const NameWish& wish, const PrivateZone* there, bool made_here, core::Micros now_wall_us);

/// Takes away what is ours: first the VPCs' use of our zone, then records, then the zone if postern made it and nothing of
/// others is in it.
ZonePlan plan_undo(const std::vector<BoundVpc>& vpcs, const PrivateZone* there);

}  // namespace postern::agent::publish
