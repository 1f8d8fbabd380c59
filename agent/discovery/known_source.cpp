// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/known_source.h"

#include <algorithm>

#include "agent/discovery/source_key.h"

namespace postern::agent {

namespace {

bool is_gone(const KnownSource& source, Micros now_mono_us) {
    return source.missing_since_mono_us != 0 && now_mono_us - source.missing_since_mono_us >= kWithdrawalGrace;
}

}  // namespace

std::optional<EndpointSet> compose(const LinkConfig& link, const std::vector<const KnownSource*>& sources,
                                   Micros now_mono_us) {
    std::vector<EndpointAddress> present, gone;
    for (const auto& ip : link.addresses)
        present.push_back({ip, "", ""});
    bool any_known = !link.addresses.empty();
    for (const KnownSource* source : sources) {
        if (!source->known && !source->tried) return std::nullopt;
        any_known = any_known || source->known;
        const EndpointSet chosen = narrowed(source->held.served, link.zones);
        auto& to = source->held.ended || is_gone(*source, now_mono_us) ? gone : present;
        to.insert(to.end(), chosen.begin(), chosen.end());
    }
    if (!any_known) return std::nullopt;
    // An endpoint that the API no longer finds, or that has ended, is withdrawn only if others remain: the credentials may
    // have changed to another account, and a dead address is no worse than none.
    return make_endpoint_set(std::move(present.empty() ? gone : present));
}

DiscoveryStatus status_of(const KnownLink& link, const std::vector<const KnownSource*>& sources, Micros now_wall_us) {
    DiscoveryStatus out;
    out.known = link.known;
    out.addresses = link.addresses;
    out.changed_wall_us = link.changed_wall_us;
    if (sources.empty()) {
        out.source = link.known ? "fixed" : "none";
        out.confirmed_wall_us = link.changed_wall_us;
        return out;
    }
    bool snapshot = false;
    std::vector<const EndpointReport*> known;
    Micros newest = 0;
    out.asked_wall_us = now_wall_us;
    const auto keys = source_keys(link.config);
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const KnownSource& s = *sources[i];
        const bool follows = keys[i].starts_with(kTargetPrefix);
        out.sources.push_back({keys[i], follows ? keys[i].substr(kTargetPrefix.size()) : "",
                               narrowed(s.held.served, link.config.zones), s.confirmed_wall_us, s.error});
        out.asked_wall_us = std::min(out.asked_wall_us, s.asked_wall_us);
        if (s.error && !out.error) out.error = s.error;
        if (s.error && (out.error_since_wall_us == 0 || s.error_since_wall_us < out.error_since_wall_us)) {
            out.error_since_wall_us = s.error_since_wall_us;
        }
        if (!s.known) continue;
        snapshot = snapshot || s.from_snapshot;
        // As old as its oldest source.
        out.confirmed_wall_us =
            out.confirmed_wall_us == 0 ? s.confirmed_wall_us : std::min(out.confirmed_wall_us, s.confirmed_wall_us);
        if (s.confirmed_wall_us >= newest) {
            newest = s.confirmed_wall_us;
            out.request_id = s.report.request_id;
        }
        known.push_back(&s.report);
        if (!s.report.search) out.reports.push_back(s.report);
        out.reports.insert(out.reports.end(), s.report.parts.begin(), s.report.parts.end());
    }
    out.waiting_for = why_none_ready(known, link.config.zones);
    const bool listed =
        !known.empty() && std::all_of(known.begin(), known.end(), [](const EndpointReport* r) { return r->listed; });
    out.source = !link.known ? "none" : snapshot ? "snapshot" : listed ? "list" : source_kind(link.config);
    return out;
}

}  // namespace postern::agent
