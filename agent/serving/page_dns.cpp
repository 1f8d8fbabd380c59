// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_dns.h"

#include <fmt/format.h>

#include "agent/faults/fault_text.h"
#include "agent/serving/page_html.h"
#include "agent/status/spoken.h"
#include "core/text.h"

namespace postern::agent {

namespace {

std::string state_of(const UpstreamStatus& u, const PageWords& words) {
    const bool unknown = u.state == UpstreamState::kUnknown, works = u.state == UpstreamState::kWorks;
    return fmt::format("<span class=\"state {}\">{} {}</span>",
                       unknown ? "unknown"
                       : works ? "up"
                               : "down",
                       unknown ? "○"
                       : works ? "●"
                               : "✕",
                       html_text(words.catalogue().text("upstream", to_string(u.state))));
}

std::string upstreams(const ResolverStatus& r, const PageWords& words) {
    if (r.upstreams.empty()) return "";
    std::string out = "<div class=\"wide\" tabindex=\"0\"><table><thead><tr>";
    for (const auto title :
         {words.upstream, words.last_5_min, words.rtt, words.sent, words.answered, words.upstream_trouble})
        out += fmt::format("<th scope=\"col\">{}</th>", title);
    out += "</tr></thead><tbody>\n";
    for (const auto& u : r.upstreams) {
        const auto& n = u.stats;
        out += fmt::format(
            "<tr><td><code>{}</code></td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
            "class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
            html_text(u.address.text()), state_of(u, words), n.srtt_us > 0 ? core::milliseconds(n.srtt_us) : "–",
            n.sent, n.answered, n.timeouts + n.servfail + n.refused + n.network_errors);
    }
    return out + "</tbody></table></div>\n";
}

/// "353270 queries: private 48211, cache 210544 …"
std::string queries(const core::StatsPage& stats, const PageWords& words) {
    std::uint64_t total = 0;
    std::string parts;
    for (std::size_t source = 0; source < static_cast<std::size_t>(core::Source::kCount); ++source) {
        std::uint64_t count = 0;
        for (const auto& row : stats.queries[source]) {
            for (const auto n : row)
                count += n;
        }
        total += count;
        if (count > 0) core::add_item(parts, fmt::format("{} {}", words.of(static_cast<core::Source>(source)), count));
    }
    return fmt::format("{}{}{}", total, parts.empty() ? "" : ": ", parts);
}

}  // namespace

std::string dns_section(const StatusSnapshot& s, const PageWords& words, bool whole) {
    const ResolverStatus& r = s.resolver;
    const std::string listen = core::joined(r.listen, [](const auto& address) { return address.text(); });
    std::string out =
        fmt::format("<h2>{}</h2>\n<p>{}{}</p>\n", words.dns,
                    fmt::format(fmt::runtime(r.running ? words.resolver : words.no_resolver), html_text(listen)),
                    r.accepted ? words.plan_accepted : words.plan_not_accepted);
    if (r.fault) out += fmt::format("<p class=\"why\">{}</p>\n", html_text(told(*r.fault, words.catalogue())));
    out += fmt::format("<p>{}{}</p>\n", words.this_host, html_text(takeover_text(s.host_dns, words.catalogue())));
    if (s.list.configured) {
        const auto& list = s.list.list;
        out += fmt::format("<p>{}</p>\n",
                           list ? fmt::format(fmt::runtime(words.list), html_text(s.list.fleet),
                                              list->number.generation, html_time(list->number.written_wall_us))
                                : fmt::format(fmt::runtime(words.no_list), html_text(s.list.fleet)));
    }
    if (!whole) return out;
    if (r.stats_valid) {
        std::string facts = html_fact(words.queries, queries(r.stats, words));
        if (const auto looked = r.stats.cache_hits + r.stats.cache_misses; looked > 0) {
            const auto hundredths = r.stats.cache_hits * 10000 / looked;
            facts += html_fact(words.cache_hits,
                               fmt::format("{} %, {}", static_cast<double>(hundredths) / 100,
                                           fmt::format(fmt::runtime(words.entries), r.stats.cache_entries)));
        }
        out += "<dl>\n" + facts + "</dl>\n";
    }
    return out + upstreams(r, words);
}

std::string api_section(const StatusSnapshot& s, const PageWords& words) {
    const DiscoveryCounters& d = s.discovery;
    if (d.requests.empty() && d.last_success_wall_us == 0) return "";
    std::string requests;
    for (const auto& [key, count] : d.requests)
        requests += fmt::format("{}<code>{} {}</code> {}", requests.empty() ? "" : "<br>", html_text(key.first),
                                html_text(key.second), count);
    return fmt::format("<h2>{}</h2>\n<dl>\n{}{}{}</dl>\n", words.discovery,
                       html_fact(words.last_success, html_time(d.last_success_wall_us)),
                       html_fact(words.changes, std::to_string(d.changes)), html_fact(words.requests, requests));
}

}  // namespace postern::agent
