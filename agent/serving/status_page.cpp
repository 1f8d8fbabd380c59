// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/status_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "agent/serving/page_asset.h"
#include "agent/serving/page_html.h"
#include "agent/serving/page_link.h"
#include "agent/serving/page_words.h"
#include "agent/status/headline.h"
#include "core/text.h"

namespace postern::agent {

namespace {

constexpr std::size_t kMaxBytes = 4300;  // of the short page: with its script it has 100 KB, and those may have 95
constexpr std::size_t kMaxFailures = 30, kShortFailures = 5;

std::string drains_section(const StatusSnapshot& s, const PageWords& words, std::size_t room) {
    std::string out;
    for (const auto& drain : s.drains) {
        if (out.size() > room) return out + "<p>… postern drain status</p>\n";
        out += fmt::format("<p>{}: {}</p>\n", words.drained, html_sentence(drain_text(drain, s.now_wall_us), words));
    }
    return out;
}

const doctor::Catalogue& catalogue_of(const PageWords& words) {
    return doctor::Catalogue::in(words.language == "en" ? doctor::Language::kEnglish : doctor::Language::kChinese);
}

/// A fault: the cause, whose it is, since when, the next step, and the command that repairs it.
std::string fault_item(const Fault& fault, const PageWords& words) {
    const auto& catalogue = catalogue_of(words);
    const bool failed = fault.state == doctor::State::kFail;
    std::string out = fmt::format(
        "<li><p class=\"why\">{} {}{}</p>\n", html_shape(failed ? Overall::kFailed : Overall::kDegraded),
        fault.link.empty() ? "" : fmt::format("<b>{}</b>: ", html_text(fault.link)), html_text(told(fault, catalogue)));
    std::string note;
    if (const auto* info = doctor::find_code(fault.code))
        note = std::string(words.owner) + html_text(catalogue.text("owners", doctor::to_string(info->owner)));
    if (fault.since_wall_us > 0)
        note += fmt::format("{}{} {}", note.empty() ? "" : " · ", words.since, html_time(fault.since_wall_us));
    if (!note.empty()) out += fmt::format("<p class=\"note\">{}</p>\n", note);
    const std::string step = fix_of(fault, catalogue);
    if (!step.empty()) out += fmt::format("<p>{}{}</p>\n", words.next_step, html_text(step));
    const auto command = fix_command(fault);
    if (!command.empty()) out += html_command(command_line(command));
    return out + "</li>\n";
}

/// As many as `room` has place for, one at least; the others are counted.
std::string faults_section(const StatusSnapshot& s, const PageWords& words, std::size_t room) {
    std::string out;
    std::size_t told = 0;
    for (const auto& fault : s.faults) {
        const std::string item = fault_item(fault, words);
        if (told > 0 && out.size() + item.size() > room) break;
        out += item;
        ++told;
    }
    if (told < s.faults.size()) {
        out += fmt::format("<li>{}</li>\n", fmt::format(fmt::runtime(words.more_faults), s.faults.size() - told));
    }
    return out.empty() ? "" : "<ul class=\"plain-list\">\n" + out + "</ul>\n";
}

std::string upstreams(const ResolverStatus& r, const PageWords& words) {
    if (r.upstreams.empty()) return "";
    std::string out = "<div class=\"wide\"><table><thead><tr>";
    for (const auto title : {words.upstream, words.rtt, words.sent, words.answered, words.upstream_trouble})
        out += fmt::format("<th scope=\"col\">{}</th>", title);
    out += "</tr></thead><tbody>\n";
    for (const auto& u : r.upstreams) {
        const auto& n = u.stats;
        out += fmt::format(
            "<tr><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
            "class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
            html_text(u.address.text()), n.srtt_us > 0 ? core::milliseconds(n.srtt_us) : "–", n.sent, n.answered,
            n.timeouts + n.servfail + n.refused + n.network_errors);
    }
    return out + "</tbody></table></div>\n";
}

std::string dns_section(const StatusSnapshot& s, const PageWords& words) {
    const ResolverStatus& r = s.resolver;
    const std::string listen = core::joined(r.listen, [](const auto& address) { return address.text(); });
    std::string out =
        fmt::format("<h2>{}</h2>\n<p>{}{}</p>\n", words.dns,
                    fmt::format(fmt::runtime(r.running ? words.resolver : words.no_resolver), html_text(listen)),
                    r.accepted ? words.plan_accepted : words.plan_not_accepted);
    out += fmt::format("<p>{}{}</p>\n", words.this_host, html_sentence(s.host_dns.text(), words));
    if (!s.list.configured) return out;
    const auto& list = s.list.list;
    out += "<p>" +
           (list ? fmt::format(fmt::runtime(words.list), html_text(s.list.fleet), list->number.generation,
                               html_time(list->number.written_wall_us))
                 : fmt::format(fmt::runtime(words.no_list), html_text(s.list.fleet))) +
           "</p>\n";
    return out;
}

/// A failure and how many times in a row it was seen at this address.
struct Folded {
    const probe::Record* newest;
    std::size_t times = 1;
};

std::vector<Folded> folded(std::span<const probe::Record> records, std::size_t most) {
    std::vector<Folded> out;
    for (const auto& record : records) {
        if (record.ok || record.reason == probe::Reason::kTokenMissing) continue;
        const auto same = std::find_if(out.begin(), out.end(), [&](const Folded& f) {
            return f.newest->link == record.link && f.newest->ip == record.ip && f.newest->reason == record.reason;
        });
        if (same != out.end()) {
            ++same->times;
        } else if (out.size() < most) {
            out.push_back({&record});
        }
    }
    return out;
}

std::string failures_section(std::span<const probe::Record> records, const PageWords& words, std::size_t most) {
    const auto list = folded(records, most);
    if (list.empty()) return "";
    std::string out = fmt::format("<h2>{}</h2>\n<div class=\"wide\"><table><tbody>\n", words.failures);
    for (const auto& [record, times] : list) {
        out +=
            fmt::format("<tr><td class=\"n\">{}</td><td>{}</td><td><code>{}</code></td><td>{}{}</td><td>{}</td></tr>\n",
                        html_time(record->wall_us), html_text(record->link), record->ip.text(),
                        html_text(probe::to_string(record->reason)), times > 1 ? fmt::format(" ×{}", times) : "",
                        html_text(record->detail));
    }
    return out + "</tbody></table></div>\n";
}

std::string footer(const StatusSnapshot& s, const PageWords& words) {
    return fmt::format(
        "<p class=\"note\">{}{}<a href=\"api/v1/status\">{}</a>, <a href=\"api/v1/probes\">{}</a>, <a href=\"health\">{}</a>, "
        "<a href=\"metrics\">{}</a></p>\n</div>\n",
        fmt::format(fmt::runtime(words.about), html_text(s.version), core::format_utc(s.now_wall_us)), words.data,
        words.status, words.probes, words.health, words.metrics);
}

/// "✕ Failed", and of which host.
std::string state_of_host(const StatusSnapshot& s, const PageWords& words) {
    return fmt::format("{} {}{}{}", html_shape(s.overall), words.of(s.overall), s.host_name.empty() ? "" : " · ",
                       html_text(s.host_name));
}

std::string place_of(const StatusSnapshot& s) {
    std::string out;
    for (const auto* word : {&s.instance, &s.host_zone, &s.region}) {
        if (!word->empty()) out += (out.empty() ? "" : " · ") + html_text(*word);
    }
    return out;
}

}  // namespace

std::string status_head(const StatusSnapshot& s, std::string_view accept_language, PageSize size) {
    return fmt::format("<title>{} · postern</title>\n<link rel=\"icon\" id=\"icon\" href=\"{}\">\n{}\n",
                       state_of_host(s, page_words(accept_language)), kPageIcons[static_cast<std::size_t>(s.overall)],
                       size == PageSize::kWhole
                           ? "<meta http-equiv=\"refresh\" content=\"10\">"
                           : "<noscript><meta http-equiv=\"refresh\" content=\"0; url=plain\"></noscript>");
}

std::string status_content(const StatusSnapshot& s, std::string_view accept_language, PageSize size,
                           std::span<const probe::Record> records) {
    const PageWords& words = page_words(accept_language);
    const bool whole = size == PageSize::kWhole;
    const std::size_t most = whole ? std::numeric_limits<std::size_t>::max() / 2 : kMaxBytes;
    std::string end = dns_section(s, words);
    end = drains_section(s, words, most / 10) + end;
    for (const std::string& more :
         {upstreams(s.resolver, words), failures_section(records, words, whole ? kMaxFailures : kShortFailures)}) {
        if (end.size() + more.size() <= most / 2) end += more;
    }
    end += footer(s, words);
    std::string body = fmt::format(
        "<div lang=\"{}\">\n<h1>{}</h1>\n<p class=\"note\">{}{}</p>\n<div class=\"banner {}\"><strong>{}</strong> {}\n",
        words.language, state_of_host(s, words), place_of(s),
        whole ? "" : fmt::format(" <a href=\"plain\">{}</a>", words.whole_page), to_string(s.overall),
        words.of(s.overall), html_text(headline(s, catalogue_of(words))));
    body += faults_section(s, words, most / 3) + "</div>\n";

    std::vector<const LinkStatus*> order;
    for (const auto& link : s.links)
        order.push_back(&link);
    std::stable_sort(order.begin(), order.end(), [](const LinkStatus* a, const LinkStatus* b) {
        return page_rank(a->state) < page_rank(b->state);
    });
    std::size_t left = 0;
    for (const auto* link : order) {
        const std::size_t used = body.size() + end.size();
        const std::string section = link_section(*link, words, used < most ? most - used : 0);
        if (used + section.size() > most + 200) {
            ++left;
        } else {
            body += section;
        }
    }
    if (left > 0) body += fmt::format("<p class=\"note\">{}</p>\n", fmt::format(fmt::runtime(words.more_links), left));
    return body + end;
}

}  // namespace postern::agent
