// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/zone_change.h"

#include <algorithm>

namespace postern::agent::publish {
namespace {

using core::Code;
using Kind = Step::Kind;

/// The same thing to do, whatever the time that a note tells.
bool same_step(const Step& a, const Step& b) {
    if (a.kind != b.kind) return false;
    return a.kind == Kind::kNote || a == b;
}

std::optional<PrivateZone> chosen(const std::vector<PrivateZone>& zones, const std::vector<BoundVpc>& vpcs,
                                  const std::string& made) {
    const auto own = std::find_if(zones.begin(), zones.end(), [&](const auto& z) { return z.id == made; });
    if (own != zones.end()) return *own;
    const PrivateZone* zone = choose_zone(zones, vpcs);
    return zone == nullptr ? std::nullopt : std::optional(*zone);
}

class Run {
  public:
    using Plan = std::function<ZonePlan(const PrivateZone*, bool made_here)>;
    Run(ZoneStore& store, const std::string& host, const std::vector<BoundVpc>& vpcs, const ChangeOptions& options,
        Plan plan)
        : store_(store), host_(host), vpcs_(vpcs), options_(options), plan_(std::move(plan)) {}

    core::Result<ChangeOutcome> run() {
        ChangeOutcome out;
        for (int looks = 0; static_cast<int>(out.done.size()) < kMaxSteps;) {
            const auto zones = store_.look(host_);
            if (!zones) return core::fail(zones.error());
            const auto zone = chosen(*zones, vpcs_, made_);
            out.zone = zone ? zone->id : "";
            out.rest = plan_(zone ? &*zone : nullptr, zone && zone->id == made_);
            if (out.rest.steps.empty()) return out;
            const Step& next = out.rest.steps.front();
            if (not_shown_yet(out, next)) {
                if (++looks == kMaxLooks) return core::fail(not_shown(next));
                if (!options_.sleep(kBetweenLooks)) return core::fail(Code::kCancelled, "interrupted");
                continue;
            }
            looks = 0;
            if (auto done = carry_out(out.zone, next); !done) return core::fail(std::move(done.error()));
            out.done.push_back(next);
            if (options_.told) options_.told(next);
        }
        return core::fail(Code::kApiBadReply,
                          core::message("PrivateZone's records of {} do not become as they should", host_),
                          "somebody else changes them at the same time: stop that, or leave the name to it");
    }

  private:
    bool not_shown_yet(const ChangeOutcome& out, const Step& next) const {
        return !out.done.empty() && same_step(out.done.back(), next);
    }
    core::Error not_shown(const Step& step) const {
        return {Code::kApiBadReply, core::message("PrivateZone does not show what was done: {}", describe(step, host_)),
                "run it again in a minute", 0};
    }
    core::Result<void> carry_out(const std::string& zone, const Step& step) {
        if (step.kind != Kind::kMakeZone) return store_.carry_out(zone, step);
        auto made = store_.make(host_);
        if (!made) return core::fail(std::move(made.error()));
        made_ = std::move(*made);
        return {};
    }

    ZoneStore& store_;
    const std::string& host_;
    const std::vector<BoundVpc>& vpcs_;
    const ChangeOptions& options_;
    Plan plan_;
    std::string made_;
};

}  // namespace

core::Result<ZoneView> view_zone(ZoneStore& store, const NameWish& wish, core::Micros now_wall_us) {
    const auto zones = store.look(wish.host);
    if (!zones) return core::fail(zones.error());
    ZoneView out{chosen(*zones, wish.vpcs, ""), {}};
    out.plan = plan_zone(wish, out.zone ? &*out.zone : nullptr, false, now_wall_us);
    return out;
}

core::Result<ZoneView> view_undo(ZoneStore& store, const std::string& host, const std::vector<BoundVpc>& vpcs) {
    const auto zones = store.look(host);
    if (!zones) return core::fail(zones.error());
    ZoneView out{chosen(*zones, vpcs, ""), {}};
    out.plan = plan_undo(vpcs, out.zone ? &*out.zone : nullptr);
    return out;
}

core::Result<ChangeOutcome> publish_zone(ZoneStore& store, const NameWish& wish, const ChangeOptions& options) {
    return Run(store, wish.host, wish.vpcs, options,
               [&](const PrivateZone* there, bool made_here) {
                   return plan_zone(wish, there, made_here, options.wall_us());
               })
        .run();
}

core::Result<ChangeOutcome> undo_zone(ZoneStore& store, const std::string& host, const std::vector<BoundVpc>& vpcs,
                                      const ChangeOptions& options) {
    return Run(store, host, vpcs, options, [&](const PrivateZone* there, bool) { return plan_undo(vpcs, there); })
        .run();
}

}  // namespace postern::agent::publish
