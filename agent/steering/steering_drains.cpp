// SPDX-License-Identifier: Apache-2.0
// Steering's part for people: drains begin if they leave every link a good address, and end by themselves.
#include <algorithm>
#include <set>

#include "agent/steering/steering.h"
#include "core/log.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr std::size_t kNamed = 10;  // of the links or zones that a refusal names

void tell_end(const Drain& drain, const char* why) {
    core::log_info("drain_ended", "a drained zone or address may be answered again",
                   {{"target", drain.target.text()}, {"why", why}, {"reason", drain.reason}});
}

}  // namespace

/// kUsage: there is no such address or zone; kRefused.
core::Result<void> Steering::may_drain(const DrainTarget& target) const {
    const auto leaves = [&](const EndpointAddress& a) { return target.covers(a); };
    std::set<std::string> zones;
    core::Message refusals;
    std::size_t links = 0, refused = 0;
    for (const Link& link : links_) {
        for (const auto& a : link.addresses)
            if (!a.zone.empty() && zones.size() < kNamed) zones.insert(a.zone);
        if (!link.config.answer || std::none_of(link.addresses.begin(), link.addresses.end(), leaves)) continue;
        ++links;
        core::Message why = link.config.probe.enabled ? why_not_drained(verdicts_of(link), leaves)
                                                      : "it is not probed, so no address is known to be good";
        if (why.empty() || ++refused > kNamed) continue;
        core::add_sentence(refusals, core::message("{}: {}", link.config.name, std::move(why)));
    }
    if (links == 0) {
        return core::fail(core::Code::kUsage,
                          target.ip ? core::message("no link has the address {}", target.text())
                                    : core::message("no link has an address in zone {}", target.text()),
                          target.ip || zones.empty() ? core::Message("postern status shows the addresses")
                                                     : core::message("there are: {}", core::joined(zones)));
    }
    if (refused == 0) return {};
    if (refused > kNamed) core::add_sentence(refusals, core::message("and {} more links", refused - kNamed));
    return core::fail(core::Code::kRefused, core::message("{} stays in the answer: {}", target.text(), refusals),
                      target.ip ? "postern status shows what is wrong with the others"
                                : "single addresses of the zone can be drained for other links");
}

core::Result<void> Steering::drain(std::string_view text, Micros for_us, const std::string& reason, bool free) {
    const auto target = DrainTarget::parse(text);
    if (!target) return core::fail(target.error());
    if (auto may = may_drain(*target); !may) {
        if (may.error().code == core::Code::kRefused)
            core::log_info("drain_refused", may.error().what, {{"target", target->text()}});
        return may;
    }
    if (auto added = drains_.add(*target, for_us, reason, free); !added) return added;
    core::log_info(
        "drain_began", "a zone or an address is out of the answer until its time is over",
        {{"target", target->text()}, {"until", core::format_utc(clock_.wall_us() + for_us)}, {"reason", reason}});
    use_drains();
    return {};
}

core::Result<void> Steering::undrain(std::string_view text) {
    std::optional<DrainTarget> only;
    if (!text.empty()) {
        const auto target = DrainTarget::parse(text);
        if (!target) return core::fail(target.error());
        only = *target;
    }
    const std::vector<Drain> before = drains_.list();
    for (const Drain& drain : before) {
        if (only && drain.target != *only) continue;
        drains_.remove(drain.target);
        tell_end(drain, "undrained");
    }
    const std::vector<Drain> now = drains_.list();
    if (only && now.size() == before.size()) {
        return core::fail(
            core::Code::kUsage, core::message("{} is not drained", only->text()),
            before.empty()
                ? core::Message("nothing is drained")
                : core::message("what is: {}", core::joined(now, [](const Drain& d) { return d.target.text(); })));
    }
    if (now.size() != before.size()) use_drains();
    return {};
}

void Steering::restore_drains(const std::vector<Drain>& saved) {
    const auto ended = drains_.restore(saved);
    for (const Drain& drain : ended)
        tell_end(drain, "its time was over before this start");
    if (!saved.empty()) use_drains();
}

void Steering::end_drains() {
    for (const Drain& drain : drains_.take_ended())
        tell_end(drain, "its time is over");
    use_drains();
}

/// The drains have changed.
void Steering::use_drains() {
    drain_end_.stop();
    if (const auto next = drains_.next_end_mono_us()) drain_end_.start_at(*next, [this] { end_drains(); });
    outside_.drains_changed();
    if (decide_again() && started_ && !holding_) publish();
}

}  // namespace postern::agent
