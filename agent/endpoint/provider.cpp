// SPDX-License-Identifier: Apache-2.0
#include "agent/endpoint/provider.h"
#include "core/text.h"

#include <algorithm>

namespace postern::agent {
namespace {

bool wanted(const std::string& zone, const std::vector<std::string>& zones) {
    return zones.empty() || std::find(zones.begin(), zones.end(), zone) != zones.end();
}

bool is_connected(const EndpointReport& r) {
    // A missing business status counts as Normal: older replies do not have it.
    return r.status == "Active" && (r.business_status == "Normal" || r.business_status.empty()) &&
           r.connection_status == "Connected";
}

core::Message zone_states(const std::vector<const ZoneReport*>& zones) {
    core::Message out;
    for (const auto* zone : zones) {
        core::Message one = zone->status.empty() ? core::message("{} without a status", zone->zone_id)
                                                 : core::message("{} {}", zone->zone_id, zone->status);
        if (zone->status == "Connected" && zone->refused.empty()) {
            one = core::message("{} without an address", std::move(one));
        } else if (zone->status == "Connected") {
            one = core::message("{} with {}, which no endpoint has", std::move(one), zone->refused);
        }
        core::add_item(out, std::move(one));
    }
    return out;
}

}  // namespace

core::Message title(const EndpointReport& report) {
    const bool id = !report.search && report.endpoint_id.starts_with("ep-");
    return id ? core::message("endpoint {}", report.endpoint_id) : core::Message(report.endpoint_id);
}

const EndpointReport* part_about(const EndpointReport& report, const std::string& endpoint_id) {
    if (!report.search) return &report;
    for (const auto& part : report.parts) {
        if (part.endpoint_id == endpoint_id) return &part;
    }
    return nullptr;
}

void refuse_impossible(EndpointReport& report, bool loopback_taken) {
    for (auto& part : report.parts)
        refuse_impossible(part, loopback_taken);
    for (auto& zone : report.zones) {
        for (auto* ip : {&zone.ipv4, &zone.ipv6}) {
            const core::Message why = *ip ? why_no_endpoint(**ip, loopback_taken) : core::Message();
            if (why.empty()) continue;
            core::add_item(zone.refused, core::message("{}, {}", (*ip)->text(), why));
            ip->reset();
        }
    }
}

core::Message refused_in(const EndpointReport& report) {
    core::Message out;
    for (const auto& part : report.parts) {
        if (core::Message in_part = refused_in(part); !in_part.empty()) core::add_sentence(out, std::move(in_part));
    }
    core::Message list;
    for (const auto& zone : report.zones) {
        if (zone.refused.empty()) continue;
        core::add_item(list,
                       zone.zone_id.empty() ? zone.refused : core::message("{}, in {}", zone.refused, zone.zone_id));
    }
    if (!list.empty()) out = core::message("{}: not used, as no endpoint has such an address: {}", title(report), list);
    return out;
}

EndpointSet ready_addresses(const EndpointReport& report, const std::vector<std::string>& zones) {
    if (report.search) {
        std::vector<EndpointAddress> all;
        for (const auto& part : report.parts) {
            for (auto& address : ready_addresses(part, zones))
                all.push_back(std::move(address));
        }
        return make_endpoint_set(std::move(all));
    }
    if (!is_connected(report)) return {};
    std::vector<EndpointAddress> out;
    for (const auto& zone : report.zones) {
        // A zone has an address as soon as it exists, but the address works only when connected.
        if (zone.status != "Connected" || !wanted(zone.zone_id, zones)) continue;
        for (const auto& ip : {zone.ipv4, zone.ipv6}) {
            if (ip) out.push_back({*ip, zone.zone_id, report.endpoint_id});
        }
    }
    return make_endpoint_set(std::move(out));
}

namespace {

enum class Advice { kNone, kAMinute, kRemove, kWait, kPay, kAskProvider, kAddZone, kCreate, kCreateHere, kAccept };

/// Why an endpoint is not ready, and the step that helps.
struct Reason {
    core::Message fact;
    Advice advice = Advice::kNone;
    std::string accept;     // kAccept: the endpoint
    bool has_list = false;  // the fact has a colon of its own
};

Reason reason_of(const EndpointReport& r, const std::vector<std::string>& zones) {
    using core::message;
    const core::Message who = title(r);
    if (r.status == "Creating") return {message("{} is being created", who), Advice::kAMinute, {}};
    if (r.status == "Deleting") return {message("{} is being deleted", who), Advice::kRemove, {}};
    if (r.status == "Pending") return {message("{} is being modified", who), Advice::kWait, {}};
    if (r.status != "Active") return {message("{} has the status {}, not Active", who, r.status)};
    if (r.business_status == "FinancialLocked") return {message("{} is locked", who), Advice::kPay, {}};
    if (!r.business_status.empty() && r.business_status != "Normal")
        return {message("{} has the business status {}, not Normal", who, r.business_status)};
    const std::string& connection = r.connection_status;
    if (connection == "Pending" || connection == "Disconnected" || connection == "Disconnecting")
        return {message("the connection of {} is {}", who, connection), Advice::kAccept, r.endpoint_id};
    if (connection == "Connecting") return {message("{} is connecting", who), Advice::kAMinute, {}};
    if (connection == "ServiceDeleted")
        return {message("the service behind {} was deleted", who), Advice::kAskProvider, {}};
    if (connection != "Connected")
        return {connection.empty() ? message("the connection of {} is unknown", who)
                                   : message("the connection of {} is {}", who, connection)};
    if (r.zones.empty()) return {message("{} is connected but has no zone", who), Advice::kAddZone, {}};
    std::vector<const ZoneReport*> chosen;
    for (const auto& zone : r.zones) {
        if (wanted(zone.zone_id, zones)) chosen.push_back(&zone);
    }
    if (chosen.empty()) {
        std::string there;
        for (const auto& zone : r.zones)
            core::add_item(there, zone.zone_id);
        return {message("{} has none of the zones that the link names; it has {}", who, there)};
    }
    const bool waits = std::all_of(chosen.begin(), chosen.end(), [](auto* z) { return z->status == "Wait"; });
    return {message("no zone of {} is connected: {}", who, zone_states(chosen)),
            waits ? Advice::kAccept : Advice::kNone, waits ? r.endpoint_id : "", true};
}

void add_reasons(const EndpointReport& r, const std::vector<std::string>& zones, std::vector<Reason>& out) {
    if (!r.search) return out.push_back(reason_of(r, zones));
    if (r.parts.empty() && r.region.empty()) {
        out.push_back({core::message("there is no {}", title(r)), Advice::kCreate, {}});
    } else if (r.parts.empty()) {
        out.push_back({core::message("there is no {} in region {}", title(r), r.region), Advice::kCreateHere, {}});
    }
    for (const auto& part : r.parts)
        add_reasons(part, zones, out);
}

core::Message accept_them(const core::Message& facts, bool has_list, const std::vector<std::string>& endpoints) {
    const core::Message step =
        endpoints.size() == 1
            ? core::message("accept it in TDengine's console: 实例 > 私有连接 > 添加私有连接, endpoint ID {}",
                            endpoints.front())
            : core::message("accept them in TDengine's console: 实例 > 私有连接 > 添加私有连接, endpoint IDs {}",
                            core::joined(endpoints));
    return has_list ? core::message("{}; {}", facts, step) : core::message("{}: {}", facts, step);
}

core::Message with_advice(const core::Message& facts, Advice advice) {
    using core::message;
    switch (advice) {
        case Advice::kNone:
        case Advice::kAccept:
            break;
        case Advice::kAMinute:
            return message("{}; it takes about a minute", facts);
        case Advice::kRemove:
            return message("{}; remove it from the configuration or create another", facts);
        case Advice::kWait:
            return message("{}; wait until it is Active", facts);
        case Advice::kPay:
            return message("{}: settle the overdue bill of its account", facts);
        case Advice::kAskProvider:
            return message("{}; ask its provider for the new one", facts);
        case Advice::kAddZone:
            return message("{}: add a zone with a vSwitch to it", facts);
        case Advice::kCreate:
            return message("{}: create one, or correct what the link looks for", facts);
        case Advice::kCreateHere:
            return message("{}: create one, or correct what the link looks for; it may be in another region", facts);
    }
    return facts;
}

/// The facts whose step is the same stand before it.
core::Message text_of(std::vector<Reason> reasons) {
    core::Message out;
    while (!reasons.empty()) {
        const Reason first = reasons.front();
        const auto alike = [&first](const Reason& r) { return r.advice == first.advice; };
        std::vector<std::string> accept;
        core::Message facts;
        for (const Reason& r : reasons) {
            if (!alike(r)) continue;
            core::add_sentence(facts, r.fact);
            if (!r.accept.empty()) accept.push_back(r.accept);
        }
        core::add_sentence(
            out, accept.empty() ? with_advice(facts, first.advice) : accept_them(facts, first.has_list, accept));
        std::erase_if(reasons, alike);
    }
    return out;
}

}  // namespace

core::Message why_not_ready(const EndpointReport& r, const std::vector<std::string>& zones) {
    return why_none_ready({&r}, zones);
}

core::Message why_none_ready(const std::vector<const EndpointReport*>& reports, const std::vector<std::string>& zones) {
    std::vector<Reason> reasons;
    for (const EndpointReport* r : reports) {
        if (!ready_addresses(*r, zones).empty()) return {};
        add_reasons(*r, zones, reasons);
    }
    return text_of(std::move(reasons));
}

}  // namespace postern::agent
