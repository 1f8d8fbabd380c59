// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/status_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "agent/serving/page_asset.h"
#include "agent/serving/page_dns.h"
#include "agent/serving/page_html.h"
#include "agent/serving/page_incidents.h"
#include "agent/serving/page_link.h"
#include "agent/serving/page_path.h"
#include "agent/serving/page_words.h"
#include "agent/status/headline.h"
#include "agent/status/incidents.h"
#include "core/text.h"
#include "probe/verdict.h"

namespace postern::agent {

namespace {

constexpr std::size_t kMaxBytes = 4300;       // of the short page: with its script it has 100 KB, and those may have 95
constexpr std::size_t kWholeBytes = 4 << 20;  // roughly; of the whole page
constexpr std::size_t kMaxFailures = 30, kShortFailures = 5, kMaxIncidents = 100;

std::string drains_section(const StatusSnapshot& s, const PageWords& words, std::size_t room) {
    std::string out;
    for (const auto& drain : s.drains) {
        if (out.size() > room) return out + "<p>… postern drain status</p>\n";
        out += fmt::format(
            "<p>{}: {}</p>\n", words.drained,
            html_text(drain_text(drain, s.now_wall_us,
                                 words.language == "en" ? doctor::Language::kEnglish : doctor::Language::kChinese)));
    }
    return out;
}

/// A fault: the cause, whose it is, since when, the next step, and the command that repairs it.
std::string fault_item(const Fault& fault, const PageWords& words) {
    const auto& catalogue = words.catalogue();
    const bool unknown = fault.state == doctor::State::kSkip;
    const Overall shape = unknown                               ? Overall::kUnknown
                          : fault.state == doctor::State::kFail ? Overall::kFailed
                                                                : Overall::kDegraded;
    std::string out = fmt::format("<li><p class=\"{}\">{} {}{}</p>\n", unknown ? "cause" : "why", html_shape(shape),
                                  fault.link.empty() ? "" : fmt::format("<b>{}</b>: ", html_text(fault.link)),
                                  html_text(told(fault, catalogue)));
    std::string note;
    // What is not known yet is nobody's to mend.
    if (const auto* info = doctor::find_code(fault.code); info != nullptr && !unknown)
        note = std::string(words.owner) + html_text(catalogue.text("owners", doctor::to_string(info->owner)));
    if (fault.since_wall_us > 0)
        note += fmt::format("{}{} {}", note.empty() ? "" : " · ", words.since, html_time(fault.since_wall_us));
    if (!note.empty()) out += fmt::format("<p class=\"note\">{}</p>\n", note);
    return out + html_repair(fault, words) + "</li>\n";
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
    std::string out = fmt::format("<h2>{}</h2>\n<div class=\"wide\" tabindex=\"0\"><table><tbody>\n", words.failures);
    for (const auto& [record, times] : list) {
        out +=
            fmt::format("<tr><td class=\"n\">{}</td><td>{}</td><td><code>{}</code></td><td>{}{}</td><td>{}</td></tr>\n",
                        html_time(record->wall_us), html_text(record->link), record->ip.text(),
                        html_reason(record->reason, words), times > 1 ? fmt::format(" ×{}", times) : "",
                        record->detail.empty() ? "" : html_sentence(record->detail, words));
    }
    return out + "</tbody></table></div>\n";
}

std::string footer(const StatusSnapshot& s, const PageWords& words) {
    return fmt::format(
        "<p class=\"note\">{}{}<a href=\"api/v1/status\">{}</a>, <a href=\"api/v1/probes\">{}</a>, <a href=\"health\">{}</a>, "
        "<a href=\"metrics\">{}</a>{}</p>\n</div>\n",
        fmt::format(fmt::runtime(words.about), html_text(s.version), core::format_time(s.now_wall_us)), words.data,
        words.status, words.probes, words.health, words.metrics,
        s.report.configured
            ? fmt::format(", <a href=\"fleet\">{}</a>",
                          html_text(words.catalogue().text("fleet", "title", {{"fleet", s.report.fleet}})))
            : "");
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

namespace {

std::string headline_banner(const StatusSnapshot& s, const PageWords& words, bool whole, std::size_t room) {
    return fmt::format(
        "<div lang=\"{}\">\n<h1>{}</h1>\n<p class=\"note\">{}{}</p>\n<div class=\"banner {}\"><strong>{}</strong> "
        "{}\n{}</div>\n",
        words.language, state_of_host(s, words), place_of(s),
        whole ? "" : fmt::format(" <a href=\"plain\">{}</a>", words.whole_page), to_string(s.overall),
        words.of(s.overall), html_text(headline(s, words.catalogue())), faults_section(s, words, room));
}

std::string more_links(std::size_t left, const PageWords& words) {
    if (left == 0) return "";
    return fmt::format("<p class=\"note\">{}</p>\n", fmt::format(fmt::runtime(words.more_links), left));
}

}  // namespace

std::string status_content(const StatusSnapshot& s, std::string_view accept_language,
                           std::span<const probe::Record> records) {
    const PageWords& words = page_words(accept_language);
    std::string end = drains_section(s, words, kMaxBytes / 10) + dns_section(s, words, false);
    const std::string failures = failures_section(records, words, kShortFailures);
    if (end.size() + failures.size() <= kMaxBytes / 2) end += failures;
    end += footer(s, words);
    std::string body = headline_banner(s, words, false, kMaxBytes / 3);
    std::size_t left = 0;
    for (const auto* link : worst_first(s)) {
        const std::size_t used = body.size() + end.size();
        const std::string section = link_section(*link, words, s.now_wall_us, used < kMaxBytes ? kMaxBytes - used : 0);
        if (used + section.size() > kMaxBytes + 200) {
            ++left;
        } else {
            body += section;
        }
    }
    return body + more_links(left, words) + end;
}

std::string whole_content(const StatusSnapshot& s, std::string_view accept_language, const PageChoice& choice,
                          std::span<const probe::Record> records, const PageHistory& history) {
    const PageWords& words = page_words(accept_language);
    const ChosenAddress chosen = chosen_address(s, choice);
    std::string body = headline_banner(s, words, true, kWholeBytes);
    body += path_section(s, words, chosen.link) + drains_section(s, words, kWholeBytes);
    std::size_t left = 0;
    for (const auto* link : worst_first(s)) {
        if (body.size() > kWholeBytes) {
            ++left;
        } else {
            body += link_section(*link, words, s.now_wall_us, kWholeBytes, true);
        }
    }
    body += more_links(left, words) + detail_section(s, chosen, choice.range, history, words);
    body += fmt::format("<h2>{}</h2>\n", words.incidents) + incident_table(incidents_of(s), kMaxIncidents, true, words);
    body += dns_section(s, words, true) + api_section(s, words) + failures_section(records, words, kMaxFailures);
    return body + footer(s, words);
}

}  // namespace postern::agent
