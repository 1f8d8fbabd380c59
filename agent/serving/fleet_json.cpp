// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/fleet_json.h"

#include "agent/serving/fault_json.h"
#include "agent/status/fleet_state.h"
#include "core/printable.h"

namespace postern::agent {
namespace {

Json tally_json(const Tally& t) {
    return {{"up", t.up}, {"degraded", t.degraded}, {"down", t.down}, {"unknown", t.unknown}};
}

Json address_json(const SeenAddress& a) {
    Json zones = Json::object();
    for (const auto& [zone, tally] : a.by_zone)
        zones[zone] = tally_json(tally);
    return {{"name", a.name},
            {"ip", a.ip.text()},
            {"zone", text_or_null(a.zone)},
            {"hosts", tally_json(a.all)},
            {"by_zone", std::move(zones)}};
}

Json host_json(const HostReport& r, bool stale) {
    Json addresses = Json::array();
    std::size_t more = 0;
    for (const auto& link : r.links) {
        more += link.more;
        for (const auto& a : link.addresses)
            addresses.push_back({{"link", link.name},
                                 {"ip", a.ip.text()},
                                 {"state", probe::to_string(a.state)},
                                 {"since", time_or_null(a.since_wall_us)},
                                 {"code", text_or_null(a.code)}});
    }
    return {{"host", text_or_null(r.host)},
            {"instance", text_or_null(r.instance)},
            {"zone", text_or_null(r.zone)},
            {"version", text_or_null(r.version)},
            {"written", time_or_null(r.written_wall_us)},
            {"stale", stale},
            {"overall", stale ? "unknown" : r.overall},  // what it said is old news
            {"reported", r.overall},
            {"takeover", text_or_null(r.takeover)},
            {"asks", text_or_null(r.asks)},
            {"worst", text_or_null(r.worst)},
            {"list_generation", r.list_generation == 0 ? Json(nullptr) : Json(r.list_generation)},
            {"addresses", std::move(addresses)},
            {"more_addresses", more},
            {"more_links", r.more_links}};
}

Json group_json(const HostGroup& g) {
    Json not_up = Json::array(), hosts = Json::array();
    for (const auto& [ip, state] : g.not_up)
        not_up.push_back({{"ip", ip.text()}, {"state", probe::to_string(state)}});
    for (const HostReport* host : g.hosts)
        hosts.push_back(host->who());
    return {{"zone", text_or_null(g.zone)},
            {"overall", g.overall},
            {"worst", text_or_null(g.worst)},
            {"not_up", std::move(not_up)},
            {"hosts", std::move(hosts)}};
}

}  // namespace

std::string fleet_json(const FleetView& view, const std::optional<core::Error>& problem) {
    const FleetReports& r = *view.reports;
    Json addresses = Json::array(), findings = Json::array(), hosts = Json::array(), groups = Json::array(),
         refused = Json::array(), generations = Json::object();
    for (const auto& a : view.addresses)
        addresses.push_back(address_json(a));
    for (const auto& fault : view.findings)
        findings.push_back(fault_json(fault));
    for (const auto& g : view.groups)
        groups.push_back(group_json(g));
    for (const HostReport* host : view.fresh)
        hosts.push_back(host_json(*host, false));
    for (const HostReport* host : view.stale)
        hosts.push_back(host_json(*host, true));
    for (const auto& one : r.refused)
        refused.push_back({{"report", one.name}, {"reason", to_string(one.problem)}});
    for (const auto& [generation, count] : view.generations)
        generations[std::to_string(generation)] = count;
    const Json out = {{"schema_version", 1},
                      {"ts", core::format_utc(view.now_wall_us)},
                      {"fleet", r.fleet},
                      {"place", r.place},
                      {"read", time_or_null(r.read_wall_us)},
                      {"took_ms", r.took_us / 1000},
                      {"overall", to_string(overall_of(view))},
                      {"counts",
                       {{"fresh", view.fresh.size()},
                        {"stale", view.stale.size()},
                        {"refused", r.refused.size()},
                        {"unread", r.unread},
                        {"not_asking", view.not_asking}}},
                      {"more", r.more},
                      {"error", problem ? error_json(*problem, 0) : Json(nullptr)},
                      {"versions", view.versions},
                      {"list_generations", std::move(generations)},
                      {"findings", std::move(findings)},
                      {"addresses", std::move(addresses)},
                      {"groups", std::move(groups)},
                      {"refused", std::move(refused)},
                      {"hosts", std::move(hosts)}};
    return core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace postern::agent
