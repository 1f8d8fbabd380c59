// SPDX-License-Identifier: Apache-2.0
// Carries a plan out: look, do the first step, look again. Each step follows from what is there then, so a run may end
// anywhere. Blocking; knows no API (tests have one in memory).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/publish/zone_plan.h"
#include "core/error.h"

namespace postern::agent::publish {

/// The zones of a name, and the calls that change them. A write that the API knows as done already is a success.
class ZoneStore {
  public:
    virtual ~ZoneStore() = default;
    /// All zones with exactly this name, with their VPCs and records.
    virtual core::Result<std::vector<PrivateZone>> look(const std::string& host) = 0;
    /// The new zone's ID.
    virtual core::Result<std::string> make(const std::string& host) = 0;
    /// Every step but kMakeZone. `zone`: its ID.
    virtual core::Result<void> carry_out(const std::string& zone, const Step& step) = 0;
};

inline constexpr int kMaxSteps = 300;  // of one run, for one name
inline constexpr int kMaxLooks = 10;   // for what was done to be shown
inline constexpr core::Micros kBetweenLooks = core::kSecond;

struct ChangeOutcome {
    std::vector<Step> done;
    ZonePlan rest;     // nothing to do but what it leaves
    std::string zone;  // ID; "" for none
};

struct ChangeOptions {
    std::function<core::Micros()> wall_us;
    std::function<bool(core::Micros)> sleep;  // false: interrupted
    std::function<void(const Step&)> told;    // after each step
};

/// What is there, chosen for the name, and what has to be done.
struct ZoneView {
    std::optional<PrivateZone> zone;
    ZonePlan plan;
};
core::Result<ZoneView> view_zone(ZoneStore& store, const NameWish& wish, core::Micros now_wall_us);
core::Result<ZoneView> view_undo(ZoneStore& store, const std::string& host, const std::vector<BoundVpc>& vpcs);

/// Errors: those of the store (what was done until then stays and is completed by the next run), kCancelled, and
/// kApiBadReply if the API does not show what was done.
core::Result<ChangeOutcome> publish_zone(ZoneStore& store, const NameWish& wish, const ChangeOptions& options);
core::Result<ChangeOutcome> undo_zone(ZoneStore& store, const std::string& host, const std::vector<BoundVpc>& vpcs,
                                      const ChangeOptions& options);

}  // namespace postern::agent::publish
