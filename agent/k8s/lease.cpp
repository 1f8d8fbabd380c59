// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/lease.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/k8s/objects.h"

namespace postern::agent::k8s {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kLongest = 3600;  // seconds; a Lease may say anything
constexpr std::int64_t kMostTransitions = 1'000'000'000;

}  // namespace

Lease::Lease(std::string name, std::string space, std::string me)
    : name_(std::move(name)), space_(std::move(space)), me_(std::move(me)) {}

Lease::Turn Lease::judge(const std::optional<JsonView>& there, core::Micros now) {
    const JsonView spec = there ? there->at("spec") : JsonView();
    const std::string holder = spec.at("holderIdentity").text(), renewed = spec.at("renewTime").text();
    const std::string version = there ? version_of(*there) : "";
    const bool changed = there_ != there.has_value() || holder != holder_ || renewed != renewed_ || version != version_;
    if (changed || !judged_) changed_mono_us_ = now;
    judged_ = true;
    there_ = there.has_value();
    holder_ = holder;
    renewed_ = renewed;
    version_ = version;
    transitions_ = std::clamp<std::int64_t>(spec.at("leaseTransitions").integer().value_or(0), 0, kMostTransitions);
    duration_ = std::clamp<std::int64_t>(
                    spec.at("leaseDurationSeconds").integer().value_or(kLeaseDuration / core::kSecond), 1, kLongest) *
                core::kSecond;
    if (holder_ == me_) return Turn::kRenew;
    lost();
    return !there_ || holder_.empty() || now >= expires_mono_us() ? Turn::kTake : Turn::kWait;
}

core::Micros Lease::expires_mono_us() const {
    return holder_.empty() || holder_ == me_ ? core::kNever : changed_mono_us_ + duration_;
}

Lease::Write Lease::write(core::Micros now_wall_us) const {
    const std::string now = core::format_utc(now_wall_us);
    Json spec = {{"holderIdentity", me_}, {"leaseDurationSeconds", kLeaseDuration / core::kSecond}, {"renewTime", now}};
    if (holder_ != me_) {
        spec["acquireTime"] = now;
        spec["leaseTransitions"] = there_ ? transitions_ + 1 : 0;
    }
    if (there_) return {false, Json{{"metadata", {{"resourceVersion", version_}}}, {"spec", spec}}.dump()};
    return {
        true,
        Json{
            {"apiVersion", "coordination.k8s.io/v1"},
            {"kind", "Lease"},
            {"metadata",
             {{"name", name_},
              {"namespace", space_},
              {"labels", {{"app.kubernetes.io/managed-by", "postern"}, {"app.kubernetes.io/component", "publisher"}}}}},
            {"spec", spec}}
            .dump()};
}

void Lease::written(core::Micros sent_mono_us) {
    holder_ = me_;
    held_until_ = sent_mono_us + kLeaseHeld;
}

std::optional<std::string> Lease::release(core::Micros now_wall_us) const {
    if (holder_ != me_) return std::nullopt;
    return Json{
        {"metadata", {{"resourceVersion", version_}}},
        {"spec", {{"holderIdentity", ""}, {"leaseDurationSeconds", 1}, {"renewTime", core::format_utc(now_wall_us)}}}}
        .dump();
}

}  // namespace postern::agent::k8s
