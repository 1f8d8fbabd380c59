// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/endpoint_merge.h"

#include <algorithm>

namespace postern::agent {
namespace {

enum class Fate { kReplaced, kRecreated, kStatedEnd, kUnmentioned };

/// Of the same zone and family.
bool could_succeed(const EndpointAddress& next, const EndpointAddress& before) {
    return !before.zone.empty() && next.zone == before.zone && next.ip.is_v6() == before.ip.is_v6();
}

bool stated_for_all(const EndpointReport& r) {
    return is_stated_end(r.status) || is_stated_end(r.connection_status);
}

Fate fate_of(const EndpointAddress& address, const EndpointReport& whole, const EndpointSet& ready,
             const EndpointSet& served) {
    const EndpointReport* about = part_about(whole, address.endpoint);
    if (about == nullptr) {  // the search finds its endpoint no more: is there a new one in its place?
        const bool recreated = std::any_of(ready.begin(), ready.end(), [&](const auto& a) {
            return could_succeed(a, address) && std::find(served.begin(), served.end(), a) == served.end();
        });
        return recreated ? Fate::kRecreated : Fate::kUnmentioned;
    }
    const EndpointReport& report = *about;
    if (stated_for_all(report)) return Fate::kStatedEnd;
    const bool successor = std::any_of(ready.begin(), ready.end(), [&](const auto& a) {
        return a.endpoint == address.endpoint && could_succeed(a, address);
    });
    if (successor) return Fate::kReplaced;
    if (report.complete && !ready.empty()) return Fate::kReplaced;
    for (const auto& zone : report.zones) {
        const bool same = !address.zone.empty() && zone.zone_id == address.zone;  // without IDs any zone could be meant
        if (same && is_stated_end(zone.status)) return Fate::kStatedEnd;
    }
    return Fate::kUnmentioned;
}

/// Records that it was replaced; true if this happens repeatedly. Only for endpoints of the API: a change in a file
/// or a DNS record is deliberate.
bool by_turns(const EndpointAddress& address, const EndpointReport& whole,
              std::map<core::IpAddress, HeldAddresses::Replaced>& replaced, core::Micros now) {
    const EndpointReport* about = part_about(whole, address.endpoint);
    if (about == nullptr || about->complete || !about->endpoint_id.starts_with("ep-")) return false;
    auto& times = replaced[address.ip];
    times = {now, times.times + 1};
    return times.times > 1;
}

core::Message doubt_about(const EndpointReport& report, const EndpointSet& ready, const EndpointSet& kept,
                          bool stated) {
    using core::message;
    const core::Message who = title(report);
    const auto grace = kWithdrawalGrace / core::kMinute;
    const std::string addresses = describe(kept);
    if (stated) {
        return message(
            "{}: the API says that the end of {} has come, but no probe has; withdrawn when one fails, or {} min after that",
            who, addresses, grace);
    }
    if (ready.empty() && report.parts.empty() && report.zones.empty()) {
        return report.search ? message("{}: the API lists none any more; the last known addresses stay in use: {}", who,
                                       addresses)
                             : message("{}: the API lists no zones any more; the last known addresses stay in use: {}",
                                       who, addresses);
    }
    if (ready.empty()) {
        return message("{}: no address is ready any more ({}); the last known stay in use: {}", who,
                       why_not_ready(report, {}), addresses);
    }
    return message("{}: {} no longer listed; withdrawn {} min after it vanished", who, addresses, grace);
}

}  // namespace

bool has_ended(const EndpointReport& report) {
    if (report.search) return !report.parts.empty() && std::all_of(report.parts.begin(), report.parts.end(), has_ended);
    const auto zone_ended = [](const ZoneReport& zone) { return is_stated_end(zone.status); };
    return stated_for_all(report) ||
           (!report.zones.empty() && std::all_of(report.zones.begin(), report.zones.end(), zone_ended));
}

bool is_stated_end(const std::string& status) {
    for (const char* word : {"Deleting", "Deleted", "Disconnecting", "Disconnected", "ServiceDeleted"}) {
        if (status == word) return true;
    }
    return false;
}

MergedAddresses merge_report(const HeldAddresses& held, const EndpointReport& report, core::Micros now,
                             const std::function<bool(const core::IpAddress&)>& works) {
    MergedAddresses out;
    const EndpointSet ready = ready_addresses(report, {});
    std::vector<EndpointAddress> next(ready.begin(), ready.end());
    EndpointSet kept;
    bool any_stated = false;
    for (const auto& [ip, replaced] : held.replaced) {
        if (now - replaced.when < kWithdrawalGrace) out.held.replaced.emplace(ip, replaced);
    }
    for (const auto& address : held.served) {
        const bool still = std::any_of(ready.begin(), ready.end(), [&](const auto& a) { return a.ip == address.ip; });
        if (still) continue;
        const Fate fate = fate_of(address, report, ready, held.served);
        if (fate == Fate::kReplaced && !by_turns(address, report, out.held.replaced, now)) continue;
        const bool stated = fate == Fate::kStatedEnd;
        if ((stated || fate == Fate::kRecreated) && !(works && works(address.ip))) continue;
        const auto it = held.leaving.find(address.ip);
        // The grace time runs only while the reply is a reason to withdraw; a reply that leaves no address is not.
        const bool counts = stated || !ready.empty();
        const core::Micros since = it == held.leaving.end() || !counts ? now : it->second;
        if (now - since >= kWithdrawalGrace) continue;
        out.held.leaving[address.ip] = since;
        any_stated = any_stated || stated;
        kept.push_back(address);
        next.push_back(address);
    }
    if (next.empty() || (held.ended && ready.empty())) {  // the last known good is never replaced by nothing
        kept = held.served;
        next.assign(kept.begin(), kept.end());
        out.held.ended = !kept.empty();
        out.held.leaving.clear();
        any_stated = false;
    }
    out.held.served = make_endpoint_set(std::move(next));
    out.confirmed = kept.empty();
    if (!kept.empty()) out.doubt = doubt_about(report, ready, kept, any_stated);
    return out;
}

}  // namespace postern::agent
