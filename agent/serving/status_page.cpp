// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/status_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/serving/page_words.h"
#include "agent/status/warning.h"
#include "agent/text/terminal.h"
#include "core/text.h"

namespace postern::agent {

namespace {

using probe::State;

constexpr std::size_t kMaxBytes = 9000;  // of it all: the page has 100 KB, and the packed part may have 90

std::string escape(std::string_view text) {
    std::string out;
    for (const char c : printable(text)) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

/// A sentence of the agent, in English whatever the page's language.
std::string sentence(std::string_view text, const PageWords& words) {
    return words.language == "en" ? escape(text) : fmt::format("<span lang=\"en\">{}</span>", escape(text));
}

std::string state_cell(State state, const PageWords& words) {
    const char* shape = state == State::kUp ? "●" : state == State::kDown ? "✕" : state == State::kDegraded ? "▲" : "○";
    return fmt::format("<span class=\"state {}\">{} {}</span>", probe::to_string(state), shape, words.of(state));
}

std::string address_row(const LinkStatus& link, const AddressStatus& a, const PageWords& words) {
    std::string last = "–";
    if (!link.probing) {
        last = words.not_probed;
    } else if (a.last) {
        last = a.last->ok || a.last->reason == probe::Reason::kTokenMissing ? core::milliseconds(a.last->total_us)
                                                                            : escape(probe::to_string(a.last->reason));
    }
    return fmt::format(
        "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td "
        "class=\"n\">{}</td><td>{}</td></tr>\n",
        a.ip.text(), escape(a.zone), state_cell(a.verdict.path, words), state_cell(a.verdict.service, words), last,
        link.vpc_answer && !link.vpc_answer->known() ? "–"
        : link.verify_only                           ? (a.answered ? words.in_vpc_answer : words.not_in_vpc_answer)
        : a.answered                                 ? words.in_answer
        : a.drained                                  ? words.drained
                                                     : words.withdrawn);
}

std::string drains_section(const StatusSnapshot& s, const PageWords& words) {
    std::string out;
    for (const auto& drain : s.drains) {
        if (out.size() > kMaxBytes / 10) return out + "<p>… postern drain status</p>\n";
        out += fmt::format("<p>{}: {}</p>\n", words.drained, sentence(drain_text(drain, s.now_wall_us), words));
    }
    return out;
}

/// Rows until `room` is used up, bad ones first; `left` is the number omitted.
std::string rows_of(const LinkStatus& link, const PageWords& words, std::size_t room, std::size_t& left) {
    std::vector<const AddressStatus*> order;
    for (const auto& a : link.addresses)
        order.push_back(&a);
    std::stable_partition(order.begin(), order.end(),
                          [](const AddressStatus* a) { return a->verdict.path != State::kUp; });
    std::string out;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::string row = address_row(link, *order[i], words);
        if (out.size() + row.size() > room) {
            left = order.size() - i;
            break;
        }
        out += row;
    }
    return out;
}

constexpr std::size_t kMaxNotes = 8;  // of a link

/// ConnectionNote::text() in the page's language.
std::string note_in(const ConnectionNote& note, const PageWords& words) {
    const std::string_view where = note.kind == NoteKind::kWithdrawn ? words.still_on
                                   : note.kind == NoteKind::kBypass  ? words.around
                                                                     : words.on_address;
    std::string out = fmt::format(fmt::runtime(where), note.uid ? std::to_string(*note.uid) : "…", note.ip.text(),
                                  note.at_least ? fmt::format("≥ {}", note.total) : std::to_string(note.total));
    if (note.stuck > 0) {
        out += fmt::format(fmt::runtime(words.of_them_stuck), note.stuck,
                           std::max<Micros>(note.stuck_for_us, 0) / core::kSecond);
    }
    return out;
}

std::string link_section(const LinkStatus& link, const PageWords& words, std::size_t room) {
    std::string out = fmt::format("<h2>{} <span class=\"note\">{}</span> {}</h2>\n", escape(link.name),
                                  escape(link.host), state_cell(link.state, words));
    if (!link.cause.empty()) out += fmt::format("<p>{}</p>\n", sentence(link.cause, words));
    if (!link.fix.empty()) out += fmt::format("<p>{}{}</p>\n", words.next_step, sentence(link.fix, words));
    if (link.connections) {
        const auto& notes = link.connections->notes;
        for (std::size_t i = 0; i < std::min(notes.size(), kMaxNotes); ++i)
            out += fmt::format("<p>{}</p>\n", note_in(notes[i], words));
    }
    if (link.compare) {
        out += fmt::format("<p>{}<code>{}</code>: {}</p>\n", words.compared_with, escape(link.compare->gateway()),
                           sentence(link.compare->text, words));
    }
    if (link.addresses.empty() || out.size() >= room) return out;
    out += "<div class=\"wide\"><table><thead><tr>";
    for (const auto title : {words.address, words.zone, words.path, words.service, words.last_probe, words.dns})
        out += fmt::format("<th scope=\"col\">{}</th>", title);
    out += "</tr></thead><tbody>\n";
    std::size_t left = 0;
    out += rows_of(link, words, room - std::min(room, out.size()), left) + "</tbody></table></div>\n";
    if (left > 0)
        out += fmt::format("<p class=\"note\">{}</p>\n", fmt::format(fmt::runtime(words.more_addresses), left));
    return out;
}

std::string dns_section(const ResolverStatus& r, const PageWords& words) {
    const std::string listen = core::joined(r.listen, [](const auto& address) { return address.text(); });
    std::string out =
        fmt::format("<h2>{}</h2>\n<p>{}{}</p>\n", words.dns,
                    fmt::format(fmt::runtime(r.running ? words.resolver : words.no_resolver), escape(listen)),
                    r.accepted ? words.plan_accepted : words.plan_not_accepted);
    if (!r.problem.empty()) out += fmt::format("<p>{}</p>\n", sentence(r.problem, words));
    return out;
}

}  // namespace

std::string status_content(const StatusSnapshot& s, std::string_view accept_language) {
    const PageWords& words = page_words(accept_language);
    std::string end = dns_section(s.resolver, words);
    for (const auto& fault : s.reported)
        end += fmt::format("<p>{}{}</p>\n", words.warning, sentence(warning_text(fault), words));
    if (end.size() > kMaxBytes / 3) end = fmt::format("<p>{}</p>\n", words.many_warnings);
    end = drains_section(s, words) + end;
    end += fmt::format(
        "<p class=\"note\">{}{}<a href=\"api/v1/status\">{}</a>, <a href=\"api/v1/probes\">{}</a>, <a href=\"health\">{}</a>, "
        "<a href=\"metrics\">{}</a></p>\n</div>\n",
        fmt::format(fmt::runtime(words.about), escape(s.version), core::format_utc(s.now_wall_us)), words.data,
        words.status, words.probes, words.health, words.metrics);
    std::string body =
        fmt::format("<div lang=\"{}\">\n<h1>postern</h1>\n<div class=\"banner {}\"><strong>{}</strong> {}</div>\n",
                    words.language, to_string(s.overall), words.of(s.overall), sentence(s.headline, words));
    std::size_t left = 0;
    for (const auto& link : s.links) {
        const std::size_t used = body.size() + end.size();
        const std::string section = link_section(link, words, used < kMaxBytes ? kMaxBytes - used : 0);
        if (used + section.size() > kMaxBytes + 200) {
            ++left;
        } else {
            body += section;
        }
    }
    if (left > 0) body += fmt::format("<p class=\"note\">{}</p>\n", fmt::format(fmt::runtime(words.more_links), left));
    return body + end;
}

}  // namespace postern::agent
