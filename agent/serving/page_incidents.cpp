// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_incidents.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/serving/page_html.h"
#include "agent/status/spoken.h"
#include "core/text.h"

namespace postern::agent {

namespace {

constexpr std::size_t kMaxAddresses = 3;  // of one incident; the others are counted

std::string place(const LinkIncident& i) {
    const std::size_t told = std::min(i.addresses.size(), kMaxAddresses);
    std::string ips;
    for (std::size_t n = 0; n < told; ++n)
        core::add_item(ips, i.addresses[n].text());
    if (i.addresses.size() > told) ips += fmt::format(" … ×{}", i.addresses.size());
    return fmt::format("<td>{}</td><td><code>{}</code></td>", html_text(i.link), html_text(ips));
}

std::string row(const LinkIncident& i, bool where, const PageWords& words) {
    std::string reasons;
    for (const auto reason : i.seen.reasons) {
        if (reason != probe::Reason::kNone) core::add_item(reasons, probe::to_string(reason));
    }
    const std::string span = html_text(span_text(i.seen.to_wall_us - i.seen.from_wall_us, words.catalogue()));
    const std::string lasted =
        i.seen.open ? fmt::format("<span class=\"state down\">✕ {}</span> {}", words.still_failing, span) : span;
    return fmt::format(
        "<tr><th scope=\"row\" class=\"n\">{}</th>{}<td>{}</td><td class=\"n\">{}</td><td "
        "class=\"reason\">{}</td></tr>\n",
        html_time(i.seen.from_wall_us), where ? place(i) : "", lasted, i.seen.failures, reasons);
}

}  // namespace

std::string incident_table(const std::vector<LinkIncident>& list, std::size_t most, bool where,
                           const PageWords& words) {
    if (list.empty()) return fmt::format("<p class=\"note\">{}</p>\n", words.no_incidents);
    std::string out = "<div class=\"wide\" tabindex=\"0\"><table><thead><tr>";
    out += fmt::format("<th scope=\"col\">{}</th>", words.began);
    if (where) out += fmt::format("<th scope=\"col\">{}</th><th scope=\"col\">{}</th>", words.link, words.address);
    for (const auto title : {words.lasted, words.failed_probes, words.reason})
        out += fmt::format("<th scope=\"col\">{}</th>", title);
    out += "</tr></thead><tbody>\n";
    for (std::size_t n = 0; n < std::min(list.size(), most); ++n)
        out += row(list[n], where, words);
    out += "</tbody></table></div>\n";
    if (list.size() > most)
        out += fmt::format("<p class=\"note\">{}</p>\n",
                           fmt::format(fmt::runtime(words.more_incidents), list.size() - most));
    return out;
}

}  // namespace postern::agent
