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

std::string zone_states(const std::vector<const ZoneReport*>& zones) {
    std::string out;
    for (const auto* zone : zones) {
        core::add_item(out, zone->zone_id + " " + (zone->status.empty() ? "without a status" : zone->status));
        if (zone->status != "Connected") continue;
        out += zone->refused.empty() ? " without an address" : " with " + zone->refused + ", which no endpoint has";
    }
    return out;
}

}  // namespace

std::string title(const EndpointReport& report) {
    const bool id = !report.search && report.endpoint_id.starts_with("ep-");
    return (id ? "endpoint " : "") + report.endpoint_id;
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
            const std::string why = *ip ? why_no_endpoint(**ip, loopback_taken) : "";
            if (why.empty()) continue;
            core::add_item(zone.refused, (*ip)->text() + ", " + why);
            ip->reset();
        }
    }
}

std::string refused_in(const EndpointReport& report) {
    std::string out;
    for (const auto& part : report.parts) {
        if (const std::string in_part = refused_in(part); !in_part.empty()) out += (out.empty() ? "" : "; ") + in_part;
    }
    std::string list;
    for (const auto& zone : report.zones) {
        if (zone.refused.empty()) continue;
        core::add_item(list, zone.refused + (zone.zone_id.empty() ? "" : ", in " + zone.zone_id));
    }
    if (!list.empty()) out = title(report) + ": not used, as no endpoint has such an address: " + list;
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

/// Why an endpoint is not ready, and the step that helps.
struct Reason {
    std::string fact;
    std::string step;    // with what is between: "; wait until it is Active"
    std::string accept;  // the endpoint to be accepted in TDengine's console, in place of a step
};

Reason reason_of(const EndpointReport& r, const std::vector<std::string>& zones) {
    const std::string who = title(r);
    if (r.status == "Creating") return {who + " is being created", "; it takes about a minute", {}};
    if (r.status == "Deleting")
        return {who + " is being deleted", "; remove it from the configuration or create another", {}};
    if (r.status == "Pending") return {who + " is being modified", "; wait until it is Active", {}};
    if (r.status != "Active") return {who + " has the status " + r.status + ", not Active", {}, {}};
    if (r.business_status == "FinancialLocked")
        return {who + " is locked", ": settle the overdue bill of its account", {}};
    if (!r.business_status.empty() && r.business_status != "Normal")
        return {who + " has the business status " + r.business_status + ", not Normal", {}, {}};
    const std::string& connection = r.connection_status;
    if (connection == "Pending" || connection == "Disconnected" || connection == "Disconnecting")
        return {"the connection of " + who + " is " + connection, {}, r.endpoint_id};
    if (connection == "Connecting") return {who + " is connecting", "; it takes about a minute", {}};
    if (connection == "ServiceDeleted")
        return {"the service behind " + who + " was deleted", "; ask its provider for the new one", {}};
    if (connection != "Connected")
        return {"the connection of " + who + " is " + (connection.empty() ? "unknown" : connection), {}, {}};
    if (r.zones.empty()) return {who + " is connected but has no zone", ": add a zone with a vSwitch to it", {}};
    std::vector<const ZoneReport*> chosen;
    for (const auto& zone : r.zones) {
        if (wanted(zone.zone_id, zones)) chosen.push_back(&zone);
    }
    if (chosen.empty()) {
        std::string there;
        for (const auto& zone : r.zones)
            core::add_item(there, zone.zone_id);
        return {who + " has none of the zones that the link names; it has " + there, {}, {}};
    }
    const bool waits = std::all_of(chosen.begin(), chosen.end(), [](auto* z) { return z->status == "Wait"; });
    return {"no zone of " + who + " is connected: " + zone_states(chosen), {}, waits ? r.endpoint_id : ""};
}

void add_reasons(const EndpointReport& r, const std::vector<std::string>& zones, std::vector<Reason>& out) {
    if (!r.search) return out.push_back(reason_of(r, zones));
    if (r.parts.empty()) {
        const std::string where = r.region.empty() ? "" : " in region " + r.region;
        out.push_back({"there is no " + title(r) + where,
                       std::string(": create one, or correct what the link looks for") +
                           (where.empty() ? "" : "; it may be in another region"),
                       {}});
    }
    for (const auto& part : r.parts)
        add_reasons(part, zones, out);
}

std::string accept_them(const std::vector<std::string>& endpoints) {
    const bool one = endpoints.size() == 1;
    return std::string(one ? "accept it" : "accept them") +
           " in TDengine's console: 实例 > 私有连接 > 添加私有连接, endpoint ID" + (one ? " " : "s ") +
           core::joined(endpoints);
}

/// The facts whose step is the same stand before it.
std::string text_of(std::vector<Reason> reasons) {
    std::string out;
    while (!reasons.empty()) {
        const Reason first = reasons.front();
        const auto alike = [&first](const Reason& r) {
            return r.step == first.step && r.accept.empty() == first.accept.empty();
        };
        std::vector<std::string> accept;
        for (const Reason& r : reasons) {
            if (!alike(r)) continue;
            out += (out.empty() ? "" : "; ") + r.fact;
            if (!r.accept.empty()) accept.push_back(r.accept);
        }
        // A fact with zones has a colon of its own.
        const bool plain = first.fact.find(": ") == std::string::npos;
        out += accept.empty() ? first.step : (plain ? ": " : "; ") + accept_them(accept);
        std::erase_if(reasons, alike);
    }
    return out;
}

}  // namespace

std::string why_not_ready(const EndpointReport& r, const std::vector<std::string>& zones) {
    return why_none_ready({&r}, zones);
}

std::string why_none_ready(const std::vector<const EndpointReport*>& reports, const std::vector<std::string>& zones) {
    std::vector<Reason> reasons;
    for (const EndpointReport* r : reports) {
        if (!ready_addresses(*r, zones).empty()) return {};
        add_reasons(*r, zones, reasons);
    }
    return text_of(std::move(reasons));
}

}  // namespace postern::agent
