#include "agent/steering/plan_memory.h"

#include <arpa/inet.h>

#include <algorithm>

#include "agent/discovery/source_key.h"
#include "agent/text/dns_text.h"

namespace postern::agent {

namespace {

/// The offset after a name (labels or a pointer) that starts at `at`; wire.size() if it is cut off.
std::size_t skip_name(core::ByteView wire, std::size_t at) {
    while (at < wire.size()) {
        if ((wire[at] & 0xc0) == 0xc0) return std::min(at + 2, wire.size());
        if (wire[at] == 0) return at + 1;
        at += 1u + wire[at];
    }
    return wire.size();
}

EndpointSet addresses_of(const core::PlanView& plan, const core::OwnerView& owner, const std::string& source) {
    std::vector<EndpointAddress> out;
    for (std::uint32_t i = 0; i < owner.rrset_count; ++i) {
        const core::RrsetView& rrset = plan.rrsets[owner.first_rrset + i];
        if (rrset.type == core::kTypeAny) continue;
        // The answer for expired verdicts: it has every address.
        for (const auto& data : plan_records(rrset.stale)) {
            if (const auto ip = core::IpAddress::parse(data)) out.push_back({*ip, "", source});
        }
    }
    return make_endpoint_set(std::move(out));
}

}  // namespace

std::vector<std::string> plan_records(const core::AnswerView& answer) {
    std::vector<std::string> out;
    std::size_t at = 0;
    for (std::uint16_t i = 0; i < answer.answers; ++i) {
        at = skip_name(answer.wire, at);
        if (at + 10 > answer.wire.size()) break;
        const std::uint16_t type = core::load_be16(&answer.wire[at]);
        const std::uint16_t size = core::load_be16(&answer.wire[at + 8]);
        at += 10;
        if (at + size > answer.wire.size()) break;
        char text[INET6_ADDRSTRLEN];
        if (type == 1 && size == 4) out.emplace_back(::inet_ntop(AF_INET, &answer.wire[at], text, sizeof text));
        if (type == 28 && size == 16) out.emplace_back(::inet_ntop(AF_INET6, &answer.wire[at], text, sizeof text));
        if (type == 12) out.push_back(name_text(answer.wire.subspan(at, size)));
        at += size;
    }
    return out;
}

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
        record.addresses = addresses_of(plan, *owner, keys.front());
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
    return out;
}

}  // namespace postern::agent
