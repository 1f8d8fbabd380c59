// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/serving/page_detail.h"
#include "agent/serving/page_html.h"
#include "agent/status/spoken.h"
#include "core/text.h"
#include "probe/verdict.h"

namespace postern::agent {

namespace {

using probe::State;

constexpr std::size_t kMaxNotes = 8;         // of a link
constexpr std::size_t kMaxCertificates = 4;  // of a link

/// "tcp_timeout ×12", or the time that the last probe took.
std::string last_probe(const LinkStatus& link, const AddressStatus& a, const PageWords& words) {
    if (!link.probing) return std::string(words.not_probed);
    if (!a.last) return "–";
    if (a.last->ok || a.last->reason == probe::Reason::kTokenMissing) return core::milliseconds(a.last->total_us);
    std::string out = html_text(probe::to_string(a.last->reason));
    if (a.streak < -1) out += fmt::format(" ×{}", -a.streak);
    return out;
}

std::string_view in_dns(const LinkStatus& link, const AddressStatus& a, const PageWords& words) {
    if (link.vpc_answer && !link.vpc_answer->known()) return "–";
    if (link.verify_only) return a.answered ? words.in_vpc_answer : words.not_in_vpc_answer;
    return a.answered ? words.in_answer : a.drained ? words.drained : words.withdrawn;
}

/// "99.98 %", with the time that it is about where that is not nearly `whole_us`.
template <class Counts>
std::string good(const Counts& counts, Micros covered_us, Micros whole_us, const PageWords& words) {
    if (counts.attempts == 0) return "–";
    return fmt::format(
        "{} %{}", percent(counts),
        covered_us >= whole_us / 100 * 95
            ? ""
            : fmt::format(" <span class=\"note\">{}</span>", html_text(span_text(covered_us, words.catalogue()))));
}

std::string last_day(const AddressStatus& a, Micros now_wall_us, const PageWords& words) {
    if (!a.last_day) return "–";
    // Its hours begin before its first probe: the month knows better.
    Micros covered = now_wall_us - a.last_day->since_wall_us;
    if (a.last_month) covered = std::min(covered, a.last_month->covered_us);
    return good(*a.last_day, covered, core::kDay, words);
}

std::string last_month(const AddressStatus& a, const PageWords& words) {
    return a.last_month ? good(*a.last_month, a.last_month->covered_us, probe::kPastLasts, words) : "–";
}

/// The last results as bars; one that failed is taller, not only red.
std::string streak(const AddressStatus& a) {
    struct Bar {
        std::string_view kind;
        int height;
        char mark;
    };
    static constexpr Bar kBars[] = {{"good", 8, '+'}, {"slow", 12, '~'}, {"bad", 18, 'x'}, {"mute", 3, '?'}};
    std::string out;
    for (const auto& [kind, height, mark] : kBars) {
        std::string path;
        for (std::size_t i = 0; i < a.recent.size(); ++i) {
            if (a.recent[i] == mark) path += fmt::format("M{} {}h2v{}h-2z", 3 * i, 18 - height, height);
        }
        if (!path.empty()) out += fmt::format("<path class=\"{}\" d=\"{}\"/>", kind, path);
    }
    return fmt::format(
        "<svg class=\"streak\" viewBox=\"0 0 180 18\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{}</svg>", out);
}

std::string recent(const AddressStatus& a, bool whole) {
    if (a.recent.empty()) return "–";
    const auto failed = static_cast<std::size_t>(std::count(a.recent.begin(), a.recent.end(), 'x'));
    return fmt::format("{}/{}{}", a.recent.size() - failed, a.recent.size(), whole ? " " + streak(a) : "");
}

std::string address_row(const LinkStatus& link, const AddressStatus& a, const PageWords& words, Micros now_wall_us,
                        bool whole) {
    const bool p95 = a.last_day && a.last_day->p95_us > 0;
    const std::string ip =
        whole ? fmt::format("<a href=\"{}\">{}</a>", plain_link(link, a, PageRange::kDay), a.ip.text()) : a.ip.text();
    return fmt::format(
        "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td></tr>\n",
        ip, html_text(a.zone), html_state(a.verdict.path, words), html_state(a.verdict.service, words),
        last_probe(link, a, words), p95 ? core::milliseconds(a.last_day->p95_us) : "–", last_day(a, now_wall_us, words),
        last_month(a, words), recent(a, whole), in_dns(link, a, words),
        html_since(link.probing ? a.since_wall_us : 0, now_wall_us, words));
}

/// Rows until `room` is used up; `left` is the number omitted.
std::string rows_of(const LinkStatus& link, const PageWords& words, Micros now_wall_us, std::size_t room, bool whole,
                    std::size_t& left) {
    std::vector<const AddressStatus*> order;
    for (const auto& a : link.addresses)
        order.push_back(&a);
    std::stable_sort(order.begin(), order.end(), [&](const AddressStatus* a, const AddressStatus* b) {
        return probe::rank(judged_state(link, *a)) < probe::rank(judged_state(link, *b));
    });
    std::string out;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::string row = address_row(link, *order[i], words, now_wall_us, whole);
        if (out.size() + row.size() > room) {
            left = order.size() - i;
            break;
        }
        out += row;
    }
    return out;
}

/// The certificates that the last probes saw, each once.
std::string certificates(const LinkStatus& link, const PageWords& words) {
    std::set<std::string> seen;
    std::string out;
    for (const auto& a : link.addresses) {
        if (!a.last || !a.last->certificate.present) continue;
        const auto& c = a.last->certificate;
        if (seen.size() == kMaxCertificates || !seen.insert(c.fingerprint_sha256).second) continue;
        const auto until = std::min(c.not_after_us, c.chain_not_after_us > 0 ? c.chain_not_after_us : c.not_after_us);
        out += html_fact(words.certificate,
                         fmt::format("{}, <span class=\"state {}\">{} {}</span>", html_text(c.subject),
                                     a.certificate_expiring ? "degraded" : "", words.valid_until, html_time(until)));
    }
    return out;
}

std::string discovery(const DiscoveryStatus& d, const PageWords& words) {
    std::string out(words.of_source(d.source));
    if (d.confirmed_wall_us > 0) out += fmt::format(", {} {}", words.confirmed, html_time(d.confirmed_wall_us));
    for (const auto& report : d.reports) {
        out += fmt::format("<br><code>{}</code> {} {}", html_text(report.endpoint_id), html_text(report.status),
                           html_text(report.connection_status));
    }
    if (!d.waiting_for.empty()) out += "<br>" + html_message(d.waiting_for, words);
    if (d.error) {
        out += "<br>" + html_message(d.error->what, words);
        if (!d.error->hint.empty()) out += "<br>" + html_message(d.error->hint, words);
    }
    return out;
}

std::string facts_of(const LinkStatus& link, const PageWords& words) {
    std::string out = html_fact(words.discovery, discovery(link.discovery, words)) + certificates(link, words);
    if (link.vpc_answer)
        out += html_fact(words.dns,
                         html_text(words.catalogue().text("vpc", link.vpc_answer->says, link.vpc_answer->values)));
    return out.empty() ? "" : "<dl>\n" + out + "</dl>\n";
}

}  // namespace

std::vector<const LinkStatus*> worst_first(const StatusSnapshot& s) {
    std::vector<const LinkStatus*> order;
    for (const auto& link : s.links)
        order.push_back(&link);
    // What is not probed has no verdict.
    const auto rank = [](const LinkStatus* link) { return probe::rank(link->probing ? link->state : State::kUp); };
    std::stable_sort(order.begin(), order.end(),
                     [&](const LinkStatus* a, const LinkStatus* b) { return rank(a) < rank(b); });
    return order;
}

std::string link_section(const LinkStatus& link, const PageWords& words, Micros now_wall_us, std::size_t room,
                         bool whole) {
    std::string out = fmt::format("<h2>{} <span class=\"note\">{}</span> {}</h2>\n", html_text(link.name),
                                  html_text(link.host), html_link_state(link, words));
    if (link.connections) {
        const auto& notes = link.connections->notes;
        for (std::size_t i = 0; i < std::min(notes.size(), kMaxNotes); ++i)
            out += fmt::format("<p>{}</p>\n", html_text(note_text(notes[i], words.catalogue())));
    }
    if (link.compare) {
        out += fmt::format("<p>{}<code>{}</code>: {}</p>\n", words.compared_with, html_text(link.compare->gateway()),
                           html_text(words.catalogue().text("compare", link.compare->says, link.compare->values)));
    }
    const std::string facts = facts_of(link, words);
    if (link.addresses.empty() || out.size() >= room) return out + (out.size() < room ? facts : "");
    out += "<div class=\"wide\" tabindex=\"0\"><table><thead><tr>";
    for (const auto title : {words.address, words.zone, words.path, words.service, words.last_probe, words.p95_24h,
                             words.good_24h, words.good_30d, words.last_60, words.dns, words.since})
        out += fmt::format("<th scope=\"col\">{}</th>", title);
    out += "</tr></thead><tbody>\n";
    std::size_t left = 0;
    out +=
        rows_of(link, words, now_wall_us, room - std::min(room, out.size()), whole, left) + "</tbody></table></div>\n";
    if (left > 0)
        out += fmt::format("<p class=\"note\">{}</p>\n", fmt::format(fmt::runtime(words.more_addresses), left));
    if (out.size() + facts.size() <= room) out += facts;
    return out;
}

}  // namespace postern::agent
