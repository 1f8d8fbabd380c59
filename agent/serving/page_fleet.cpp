// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "agent/serving/fleet_text.h"
#include "agent/serving/page_asset.h"
#include "agent/serving/page_html.h"
#include "agent/status/fleet_state.h"
#include "agent/status/spoken.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr std::size_t kRoom = 2u << 20;  // bytes, roughly: of a fleet in which every host says something else
constexpr std::size_t kNames = 5;        // of a group, before the others are folded away
constexpr std::size_t kMaxZones = 12;    // columns

std::string say(const PageWords& words, std::string_view key, const doctor::Values& values = {}) {
    return html_text(words.catalogue().text("fleet", key, values));
}

Overall overall_named(std::string_view name) {
    for (const Overall o : {Overall::kGood, Overall::kDegraded, Overall::kFailed}) {
        if (to_string(o) == name) return o;
    }
    return Overall::kUnknown;
}

std::string zone_name(const std::string& zone, const PageWords& words) {
    return zone.empty() ? say(words, "zone_unknown") : html_text(zone);
}

std::string findings(const FleetView& v, const PageWords& words) {
    const auto& catalogue = words.catalogue();
    std::string out;
    for (const auto& fault : v.findings) {
        const Overall shape = fault.state == doctor::State::kFail   ? Overall::kFailed
                              : fault.state == doctor::State::kWarn ? Overall::kDegraded
                                                                    : Overall::kUnknown;
        out += fmt::format("<li><p class=\"{}\">{} {}</p>\n", shape == Overall::kUnknown ? "note" : "why",
                           html_shape(shape), html_text(told(fault, catalogue)));
        if (const auto* info = doctor::find_code(fault.code))
            out += fmt::format("<p class=\"note\">{}{}</p>\n", words.owner,
                               html_text(catalogue.text("owners", doctor::to_string(info->owner))));
        out += html_repair(fault, words) + "</li>\n";
    }
    if (out.empty()) return v.fresh.empty() ? "" : fmt::format("<p>{}</p>\n", say(words, "no_findings"));
    return "<ul class=\"plain-list\">\n" + out + "</ul>\n";
}

std::string counts(const FleetView& v, const PageWords& words) {
    const FleetReports& r = *v.reports;
    std::string hosts = say(words, "hosts_text", {{"fresh", std::to_string(v.fresh.size())}});
    if (!v.stale.empty()) {
        std::string silent;
        for (const HostReport* host : v.stale) {
            if (silent.size() > 2000) break;
            core::add_item(silent,
                           words.catalogue().text(
                               "fleet", "silent_host",
                               {{"host", host->who()},
                                {"time", span_text(v.now_wall_us - host->written_wall_us, words.catalogue())}}));
        }
        core::add_item(hosts, say(words, "silent", {{"count", std::to_string(v.stale.size())}, {"hosts", silent}}));
    }
    if (!r.refused.empty()) core::add_item(hosts, say(words, "refused", {{"count", std::to_string(r.refused.size())}}));
    if (r.unread > 0) core::add_item(hosts, say(words, "unread", {{"count", std::to_string(r.unread)}}));
    if (v.not_asking > 0) core::add_item(hosts, say(words, "not_asking", {{"count", std::to_string(v.not_asking)}}));
    std::string out = "<dl>\n" + html_fact(say(words, "hosts"), hosts);
    out += html_fact(say(words, "versions"), core::joined(v.versions, [](const auto& one) {
                         return fmt::format("{} ({})", one.first.empty() ? "?" : html_text(one.first), one.second);
                     }));
    out +=
        html_fact(say(words, "generations"), core::joined(v.generations, [&](const auto& one) {
                      return fmt::format(
                          "{} ({})", say(words, "generation", {{"generation", std::to_string(one.first)}}), one.second);
                  }));
    return out + "</dl>\n";
}

std::string addresses(const FleetView& v, const PageWords& words) {
    std::set<std::string> zones;
    for (const SeenAddress& a : v.addresses) {
        for (const auto& [zone, tally] : a.by_zone)
            zones.insert(zone);
    }
    std::vector<std::string> columns(zones.begin(), zones.end());
    if (columns.size() > kMaxZones) columns.resize(kMaxZones);
    std::string out, name;
    for (const SeenAddress& a : v.addresses) {
        if (out.size() > kRoom / 2) return out + "</tbody></table></div>\n<p class=\"note\">…</p>\n";
        if (a.name != name || out.empty()) {
            if (!out.empty()) out += "</tbody></table></div>\n";
            name = a.name;
            out += fmt::format(
                "<h2>{}</h2>\n<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">{}</th><th "
                "scope=\"col\">{}</th>",
                html_text(name), say(words, "address"), say(words, "zone"));
            for (const auto& zone : columns)
                out +=
                    fmt::format("<th scope=\"col\">{}</th>",
                                say(words, "seen_from",
                                    {{"zone", zone.empty() ? words.catalogue().text("fleet", "zone_unknown") : zone}}));
            out += "</tr></thead><tbody>\n";
        }
        out += fmt::format("<tr><th scope=\"row\"><code>{}</code></th><td>{}</td>", a.ip.text(), html_text(a.zone));
        for (const auto& zone : columns) {
            const auto found = a.by_zone.find(zone);
            const Tally tally = found == a.by_zone.end() ? Tally{} : found->second;
            const std::string_view state = tally.down > 0       ? "down"
                                           : tally.degraded > 0 ? "degraded"
                                           : tally.up > 0       ? "up"
                                                                : "unknown";
            out += fmt::format("<td class=\"n\"><span class=\"state {}\">{} {}</span></td>", state,
                               html_shape(probe::parse_state(state).value_or(probe::State::kUnknown)),
                               html_text(tally_text(tally, words.catalogue())));
        }
        out += "</tr>\n";
    }
    return out.empty() ? "" : out + "</tbody></table></div>\n";
}

std::string group_names(const HostGroup& g, const PageWords& words) {
    std::string first, rest;
    for (std::size_t i = 0; i < g.hosts.size(); ++i)
        core::add_item(i < kNames ? first : rest, html_text(g.hosts[i]->who()));
    if (rest.empty()) return first;
    return fmt::format("{}, <details><summary>{}</summary>{}</details>", first,
                       say(words, "and_more", {{"count", std::to_string(g.hosts.size() - kNames)}}), rest);
}

std::string groups(const FleetView& v, const PageWords& words) {
    if (v.groups.empty()) return "";
    std::string out =
        fmt::format("<h2>{}</h2>\n<div class=\"wide\" tabindex=\"0\"><table><thead><tr>", say(words, "groups"));
    for (const std::string_view title : {"in_zone", "count", "verdict", "what", "fault", "names"})
        out += fmt::format("<th scope=\"col\">{}</th>", say(words, title));
    out += "</tr></thead><tbody>\n";
    std::size_t left = 0;
    for (const HostGroup& g : v.groups) {
        if (out.size() > kRoom) {
            left += g.hosts.size();
            continue;
        }
        const Overall overall = overall_named(g.overall);
        const std::string what = core::joined(g.not_up, [&](const auto& one) {
            return fmt::format("<code>{}</code> {}", one.first.text(), html_state(one.second, words));
        });
        out += fmt::format(
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td><span class=\"state {}\">{} "
            "{}</span></td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            zone_name(g.zone, words), g.hosts.size(), to_string(overall), html_shape(overall), words.of(overall), what,
            html_text(g.worst), group_names(g, words));
    }
    out += "</tbody></table></div>\n";
    if (left > 0)
        out += fmt::format("<p class=\"note\">{}</p>\n", say(words, "and_more", {{"count", std::to_string(left)}}));
    return out;
}

}  // namespace

std::string fleet_head(const FleetView* view, const std::string& fleet, std::string_view accept_language) {
    const PageWords& words = page_words(accept_language);
    const Overall overall = view == nullptr ? Overall::kUnknown : overall_of(*view);
    return fmt::format(
        "<title>{} {} · {} · postern</title>\n<link rel=\"icon\" id=\"icon\" href=\"{}\">\n<meta "
        "http-equiv=\"refresh\" content=\"{}\">\n",
        html_shape(overall), words.of(overall), say(words, "title", {{"fleet", fleet}}),
        kPageIcons[static_cast<std::size_t>(overall)], view == nullptr ? 3 : 30);
}

std::string fleet_content(const FleetView* view, const std::string& fleet, const std::optional<core::Error>& problem,
                          std::string_view accept_language) {
    const PageWords& words = page_words(accept_language);
    const Overall overall = view == nullptr ? Overall::kUnknown : overall_of(*view);
    std::string out = fmt::format("<div lang=\"{}\">\n<h1>{} {} · {}</h1>\n<p class=\"note\">", words.language,
                                  html_shape(overall), words.of(overall), say(words, "title", {{"fleet", fleet}}));
    if (view != nullptr)
        out += say(words, "read",
                   {{"time", span_text(view->now_wall_us - view->reports->read_wall_us, words.catalogue())},
                    {"place", view->reports->place}}) +
               " · ";
    out += fmt::format("<a href=\"plain\">{}</a>, <a href=\"api/v1/fleet\">{}</a></p>\n", say(words, "to_status"),
                       say(words, "to_json"));
    if (problem)
        out += fmt::format("<div class=\"banner degraded\"><p class=\"why\">{}</p>\n<p>{}{}</p>\n{}</div>\n",
                           say(words, "failed", {{"problem", words.catalogue().of(problem->what)}}), words.next_step,
                           html_message(problem->hint, words),
                           view == nullptr ? "" : fmt::format("<p>{}</p>\n", say(words, "old")));
    if (view == nullptr) {
        if (!problem) out += fmt::format("<p>{}</p>\n", say(words, "not_yet"));
        return out + "</div>\n";
    }
    out += fmt::format("<div class=\"banner {}\"><strong>{}</strong> {}\n{}</div>\n", to_string(overall),
                       words.of(overall), html_text(fleet_headline(*view, words.catalogue())), findings(*view, words));
    return out + counts(*view, words) + addresses(*view, words) + groups(*view, words) + "</div>\n";
}

}  // namespace postern::agent
