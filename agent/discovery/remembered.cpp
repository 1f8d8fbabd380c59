// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/remembered.h"

#include <algorithm>

#include "agent/cloud/clients.h"
#include "agent/discovery/source_key.h"
#include "agent/discovery/zones_files.h"
#include "agent/text/dns_text.h"

namespace postern::agent {

namespace {

/// Of no endpoint: a plan does not say the zones, and whatever the link names, these are its addresses.
EndpointSet addresses_of(const core::PlanView& plan, const core::OwnerView& owner) {
    std::vector<EndpointAddress> out;
    for (std::uint32_t i = 0; i < owner.rrset_count; ++i) {
        const core::RrsetView& rrset = plan.rrsets[owner.first_rrset + i];
        if (rrset.type == core::kTypeAny) continue;
        // The answer for expired verdicts: it has every address.
        for (const auto& data : plan_records(rrset.stale)) {
            if (const auto ip = core::IpAddress::parse(data)) out.push_back({*ip, "", ""});
        }
    }
    return make_endpoint_set(std::move(out));
}

}  // namespace

Snapshot snapshot_from(const core::PlanView& plan, const Config& config) {
    Snapshot out;
    out.written_wall_us = plan.created_wall_us;
    for (const LinkConfig& link : config.links) {
        const auto keys = source_keys(link);
        if (keys.empty()) continue;
        const auto owner = std::find_if(plan.owners.begin(), plan.owners.end(), [&](const auto& o) {
            return o.ready && name_text(o.name) == link.host && plan.links[o.link].name == link.name;
        });
        if (owner == plan.owners.end()) continue;
        SourceRecord record;
        record.addresses = addresses_of(plan, *owner);
        if (record.addresses.empty()) continue;
        record.report.endpoint_id = keys.front();
        record.report.status = "Active";
        record.report.business_status = "Normal";
        record.report.connection_status = "Connected";
        for (const auto& a : record.addresses) {
            ZoneReport zone;
            zone.status = "Connected";
            (a.ip.is_v6() ? zone.ipv6 : zone.ipv4) = a.ip;
            record.report.zones.push_back(std::move(zone));
        }
        record.confirmed_wall_us = record.changed_wall_us = plan.created_wall_us;
        out.sources[keys.front()] = std::move(record);
    }
    // Which of a link's sources has which address is not known: the first stands for all until they answer.
    for (const LinkConfig& link : config.links) {
        const auto keys = source_keys(link);
        if (keys.empty() || out.sources.count(keys.front()) == 0) continue;
        for (const auto& key : keys)
            out.sources.try_emplace(key, SourceRecord{.report = {.endpoint_id = key}});
    }
    return out;
}

Snapshot snapshot_from_plans(const Paths& paths, const Config& config) {
    for (const auto& path : {paths.current_plan, paths.durable_plan}) {
        const auto plan = core::PlanView::load(path);
        if (!plan) continue;
        if (Snapshot known = snapshot_from(*plan, config); !known.sources.empty()) return known;
    }
    return {};
}

LoadedSnapshot load_remembered(const Paths& paths, const Config& config) {
    LoadedSnapshot out = load_snapshot(paths.snapshot);
    if (!out.found) out.snapshot = snapshot_from_plans(paths, config);
    return out;
}

EndpointSet addresses_from(const Snapshot& snapshot, const LinkConfig& link) {
    std::vector<EndpointAddress> out;
    for (const auto& ip : link.addresses)
        out.push_back({ip, "", ""});
    for (const auto& key : source_keys(link)) {
        const auto it = snapshot.sources.find(key);
        if (it == snapshot.sources.end()) continue;
        const EndpointSet chosen = narrowed(it->second.addresses, link.zones);
        out.insert(out.end(), chosen.begin(), chosen.end());
    }
    return make_endpoint_set(std::move(out));
}

RememberedAddresses remembered_addresses(const Snapshot& snapshot, const Config& config, const LinkConfig& link) {
    if (!link.zones_file.empty()) {
        if (auto report = ZonesFiles::read_now(link.zones_file)) {
            refuse_impossible(*report, is_stand_in(config.aliyun));
            if (auto now = ready_addresses(*report, link.zones); !now.empty()) return {std::move(now), false};
        }
    }
    EndpointSet saved = addresses_from(snapshot, link);
    return {saved, !saved.empty() && link.addresses.empty()};
}

}  // namespace postern::agent
