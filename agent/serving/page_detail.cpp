// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_detail.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/faults/fault_text.h"
#include "agent/serving/curl_command.h"
#include "agent/serving/page_html.h"
#include "agent/serving/page_incidents.h"
#include "agent/serving/page_link.h"
#include "agent/status/incidents.h"
#include "agent/status/spoken.h"
#include "core/text.h"
#include "probe/verdict.h"

namespace postern::agent {

namespace {

using probe::Reason;

constexpr std::size_t kMaxIncidents = 32;

std::string in_address(std::string_view text) {
    static constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";
    std::string out;
    for (const char c : text)
        out += kPlain.find(c) != std::string_view::npos ? std::string(1, c)
                                                        : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return out;
}

/// Success over a time, and how much of that time there are probes of.
struct Ratio {
    std::uint64_t attempts = 0, failures = 0;
    Micros covered_us = 0;
};

Ratio ratio_of(const std::vector<probe::Rollup>& minutes, PageRange range, Micros now_wall_us) {
    Ratio out;
    for (const auto& r : minutes) {
        if (r.attempts == 0 || r.start_wall_us <= now_wall_us - length_of(range)) continue;
        if (out.attempts == 0) out.covered_us = now_wall_us - r.start_wall_us;
        out.attempts += r.attempts;
        out.failures += r.failures;
    }
    return out;
}

std::string_view title_of(PageRange range, const PageWords& words) {
    switch (range) {
        case PageRange::kHour:
            return words.hour;
        case PageRange::kDay:
            return words.day;
        case PageRange::kWeek:
            return words.week;
        case PageRange::kMonth:
            break;
    }
    return words.month;
}

std::string tile(const ChosenAddress& chosen, PageRange range, PageRange shown, const Ratio& r,
                 const PageWords& words) {
    const auto& catalogue = words.catalogue();
    std::string title(title_of(range, words));
    if (r.attempts > 0 && r.covered_us < length_of(range) / 100 * 95)
        title = fmt::format(fmt::runtime(words.covered), title, span_text(r.covered_us, catalogue));
    probe::Month counts;
    counts.attempts = r.attempts;
    counts.failures = r.failures;
    return fmt::format(
        "<a class=\"ratio{}\" href=\"{}\"{}><span class=\"note\">{}</span><b>{}</b><span class=\"note\">{}</span></a>\n",
        r.failures > 0 ? " some" : "", plain_link(*chosen.link, *chosen.address, range),
        range == shown ? " aria-current=\"true\"" : "", title,
        r.attempts == 0 ? "–" : fmt::format("{} %", percent(counts)),
        r.attempts == 0 ? std::string(words.no_data)
                        : fmt::format(fmt::runtime(words.failed_of), r.failures, r.attempts));
}

std::string cause(const StatusSnapshot& s, const ChosenAddress& chosen, const PageWords& words) {
    const auto& last = chosen.address->last;
    if (!last || last->ok || last->reason == Reason::kTokenMissing) return "";
    std::string out = fmt::format("<p class=\"why\">{} {}</p>\n", html_reason(last->reason, words),
                                  last->detail.empty() ? "" : html_sentence(last->detail, words));
    const auto about = [&](bool whole) {
        return std::find_if(s.faults.begin(), s.faults.end(), [&](const Fault& f) {
            return f.link == chosen.link->name && (whole ? f.ip.empty() : f.ip == chosen.address->ip.text());
        });
    };
    auto fault = about(false);
    if (fault == s.faults.end()) fault = about(true);
    return fault == s.faults.end() ? out : out + html_repair(*fault, words);
}

/// A bar of the phases, as they followed each other.
std::string waterfall(const probe::ProbeResult& r, const PageWords& words) {
    std::string out;
    for (std::size_t i = 0; i < probe::kTimedPhases; ++i) {
        if (!r.phase_us[i]) continue;
        const auto phase = static_cast<probe::Phase>(i);
        const double part =
            300. * static_cast<double>(*r.phase_us[i]) / static_cast<double>(std::max<Micros>(r.total_us, 1));
        out += fmt::format(
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"bars\"><svg class=\"phases\" "
            "viewBox=\"0 0 300 10\" aria-hidden=\"true\"><rect class=\"{}\" width=\"{:.1f}\" "
            "height=\"10\"/></svg></td></tr>\n",
            words.of(phase), short_ms(*r.phase_us[i]), phase == r.phase ? "bad" : "fill", std::clamp(part, 2., 300.));
    }
    return out.empty() ? "" : "<table class=\"waterfall\"><tbody>\n" + out + "</tbody></table>\n";
}

std::string last_probe(const ChosenAddress& chosen, const PageWords& words) {
    const auto& last = chosen.address->last;
    if (!last) return fmt::format("<p>{}</p>\n", chosen.link->probing ? words.no_probe : words.not_probed);
    const bool good = last->ok || last->reason == Reason::kTokenMissing;
    std::string out = html_fact(words.at, html_time(last->started_wall_us));
    out +=
        html_fact(words.result, good ? fmt::format("<span class=\"state up\">● {}</span>", words.succeeded)
                                     : fmt::format("<span class=\"state down\">✕ {}</span>",
                                                   fmt::format(fmt::runtime(words.failed_at), words.of(last->phase))));
    out += html_fact(words.total, short_ms(last->total_us));
    if (last->http_status) out += html_fact(words.http_status, std::to_string(*last->http_status));
    if (last->sql_code) out += html_fact(words.sql_code, std::to_string(*last->sql_code));
    if (last->ws_us) out += html_fact("WebSocket", short_ms(*last->ws_us));
    return "<dl>\n" + out + "</dl>\n" + waterfall(*last, words);
}

std::string certificate(const ChosenAddress& chosen, const PageWords& words) {
    const auto& last = chosen.address->last;
    if (!last || !last->certificate.present) return fmt::format("<p class=\"note\">{}</p>\n", words.no_certificate);
    const auto& c = last->certificate;
    std::string out = html_fact(words.subject, html_text(c.subject));
    out += html_fact(words.names, html_text(core::joined(c.names, [](const auto& name) { return name; })));
    out += html_fact(words.issuer, html_text(c.issuer));
    out += html_fact(words.valid_until,
                     fmt::format("<span class=\"state {}\">{}</span>",
                                 chosen.address->certificate_expiring ? "degraded" : "", html_time(c.not_after_us)));
    if (c.chain_not_after_us > 0 && c.chain_not_after_us != c.not_after_us)
        out += html_fact(words.chain_until, html_time(c.chain_not_after_us));
    out += html_fact("TLS", html_text(last->tls_version));
    out += html_fact(
        "SHA-256", c.fingerprint_sha256.empty() ? "" : fmt::format("<code>{}</code>", html_text(c.fingerprint_sha256)));
    return "<dl>\n" + out + "</dl>\n";
}

std::string comparison(const LinkStatus& link, const PageWords& words) {
    if (!link.compare) return fmt::format("<p class=\"note\">{}</p>\n", words.no_compare);
    const CompareStatus& c = *link.compare;
    std::string out = html_fact(words.gateway, html_text(c.gateway()));
    out += html_fact(words.result, html_text(words.catalogue().text("compare", c.says, c.values)));
    if (c.private_median_us) out += html_fact(words.privately, short_ms(*c.private_median_us));
    if (c.public_median_us) out += html_fact(words.publicly, short_ms(*c.public_median_us));
    if (c.at_wall_us > 0) out += html_fact(words.at, html_time(c.at_wall_us));
    return "<dl>\n" + out + "</dl>\n";
}

std::string commands(const ChosenAddress& chosen, const PageWords& words) {
    const auto& [link, address] = chosen;
    std::string out = fmt::format("<h3>{}</h3>\n", words.again) +
                      html_command(command_line({"postern", "probe", link->name, "--address", address->ip.text()}));
    const std::string curl = curl_command(*link, address->ip);
    return curl.empty() ? out : out + fmt::format("<h3>{}</h3>\n", words.as_curl) + html_command(curl);
}

}  // namespace

ChosenAddress chosen_address(const StatusSnapshot& s, const PageChoice& choice) {
    ChosenAddress best;
    int rank = 0;
    for (const auto& link : s.links) {
        for (const auto& a : link.addresses) {
            if (link.name == choice.link && a.ip.text() == choice.ip) return {&link, &a};
            const int this_rank = probe::rank(link.probing ? judged_state(link, a) : probe::State::kUp);
            if (best.link != nullptr && this_rank >= rank) continue;
            best = {&link, &a};
            rank = this_rank;
        }
    }
    return best;
}

std::string plain_link(const LinkStatus& link, const AddressStatus& a, PageRange range) {
    return fmt::format("plain?link={}&amp;ip={}&amp;range={}#detail", in_address(link.name), in_address(a.ip.text()),
                       to_string(range));
}

std::string detail_section(const StatusSnapshot& s, const ChosenAddress& chosen, PageRange range,
                           const PageHistory& history, const PageWords& words) {
    const LinkStatus* link = chosen.link;
    const AddressStatus* a = chosen.address;
    if (link == nullptr) return "";
    const auto past = [&](PageRange of) {
        return history(link->name, a->ip, resolution_of(of), s.now_wall_us - length_of(of))
            .value_or(std::vector<probe::Rollup>{});
    };
    const auto minutes = past(PageRange::kDay), hours = past(PageRange::kWeek);
    Ratio week = ratio_of(hours, PageRange::kWeek, s.now_wall_us), month;
    // An hour begins before its first probe: the month knows better.
    if (a->last_month) week.covered_us = std::min(week.covered_us, a->last_month->covered_us);
    if (a->last_month) month = {a->last_month->attempts, a->last_month->failures, a->last_month->covered_us};
    std::string out = fmt::format("<h2 id=\"detail\">{} · <code>{}</code> {}</h2>\n", html_text(link->name),
                                  a->ip.text(), html_address_state(*link, *a, words));
    std::string where;
    for (const auto* word : {&a->zone, &a->endpoint, &link->host}) {
        if (!word->empty()) where += (where.empty() ? "" : " · ") + html_text(*word);
    }
    out += fmt::format("<p class=\"note\">{}</p>\n", where) + cause(s, chosen, words);
    out += "<div class=\"ratios\">\n";
    for (const auto of : {PageRange::kHour, PageRange::kDay})
        out += tile(chosen, of, range, ratio_of(minutes, of, s.now_wall_us), words);
    out += tile(chosen, PageRange::kWeek, range, week, words);
    out += tile(chosen, PageRange::kMonth, range, month, words) + "</div>\n";
    out += fmt::format("<h3>{}</h3>\n", words.times);
    out += chart_section(range == PageRange::kMonth  ? past(range)
                         : range == PageRange::kWeek ? hours
                                                     : minutes,
                         range, s.now_wall_us, words);
    out += fmt::format("<h3>{}</h3>\n", words.incidents) +
           incident_table(incidents_of(s, link->name, a->ip), kMaxIncidents, false, words);
    out += fmt::format("<div class=\"facts\">\n<div class=\"fact\"><h3>{}</h3>\n{}</div>\n", words.last_probe,
                       last_probe(chosen, words));
    out += fmt::format("<div class=\"fact\"><h3>{}</h3>\n{}</div>\n", words.compared, comparison(*link, words));
    out +=
        fmt::format("<div class=\"fact full\"><h3>{}</h3>\n{}</div>\n", words.certificate, certificate(chosen, words));
    return out + fmt::format("<div class=\"fact full\">{}</div>\n</div>\n", commands(chosen, words));
}

}  // namespace postern::agent
