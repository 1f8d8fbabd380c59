// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_html.h"

#include <fmt/format.h>

#include "agent/faults/catalogue.h"
#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "agent/status/spoken.h"
#include "agent/text/terminal.h"

namespace postern::agent {

std::string html_text(std::string_view text) {
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

std::string html_sentence(std::string_view text, const PageWords& words) {
    return words.language == "en" ? html_text(text) : fmt::format("<span lang=\"en\">{}</span>", html_text(text));
}

std::string html_message(const core::Message& message, const PageWords& words) {
    const auto language = words.language == "en" ? doctor::Language::kEnglish : doctor::Language::kChinese;
    return html_text(doctor::Catalogue::in(language).of(message));
}

std::string_view html_shape(probe::State state) {
    switch (state) {
        case probe::State::kUp:
            return "●";
        case probe::State::kDegraded:
            return "▲";
        case probe::State::kDown:
            return "✕";
        case probe::State::kUnknown:
            break;
    }
    return "○";
}

std::string_view html_shape(Overall overall) {
    switch (overall) {
        case Overall::kGood:
            return "●";
        case Overall::kDegraded:
            return "▲";
        case Overall::kFailed:
            return "✕";
        case Overall::kUnknown:
            break;
    }
    return "○";
}

std::string html_state(probe::State state, const PageWords& words) {
    return fmt::format("<span class=\"state {}\">{} {}</span>", probe::to_string(state), html_shape(state),
                       words.of(state));
}

std::string html_link_state(const LinkStatus& link, const PageWords& words) {
    return link.probing ? html_state(link.state, words)
                        : fmt::format("<span class=\"state unknown\">○ {}</span>", words.not_probed);
}

std::string html_address_state(const LinkStatus& link, const AddressStatus& a, const PageWords& words) {
    return link.probing ? html_state(judged_state(link, a), words) : html_link_state(link, words);
}

std::string html_reason(probe::Reason reason, const PageWords& words) {
    std::string out = fmt::format("<b>{}</b>", probe::to_string(reason));
    if (words.language == "en" || reason == probe::Reason::kNone) return out;
    // The beginning of the cause; what follows is about the values of one case.
    std::string cause = words.catalogue().of(doctor::code_of(reason).code, "cause", {});
    for (const std::string_view mark : {"：", "；", "，"})
        cause = cause.substr(0, cause.find(mark));
    return out + " " + html_text(cause);
}

std::string html_repair(const Fault& fault, const PageWords& words) {
    const std::string step = fix_of(fault, words.catalogue()), command = command_line(fix_command(fault));
    if (step.empty() && command.empty()) return "";
    // Where the command says all of it, it is said once.
    return fmt::format("<p>{}{}</p>\n{}", words.next_step, command.ends_with(step) ? "" : html_text(step),
                       command.empty() ? "" : html_command(command));
}

std::string html_fact(std::string_view name, const std::string& html) {
    return html.empty() ? "" : fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, html);
}

std::string html_time(core::Micros wall_us) {
    if (wall_us <= 0) return "–";
    const std::string utc = core::format_utc(wall_us);  // 2026-01-02T03:04:05.000000Z
    return fmt::format("<time datetime=\"{}\">{} {} UTC</time>", utc, utc.substr(0, 10), utc.substr(11, 8));
}

std::string html_since(core::Micros wall_us, core::Micros now_wall_us, const PageWords& words) {
    if (wall_us <= 0) return "–";
    const std::string utc = core::format_utc(wall_us);
    return fmt::format("<time datetime=\"{}\" title=\"{}\">{}</time>", utc, utc,
                       html_text(span_text(now_wall_us - wall_us, words.catalogue())));
}

std::string short_ms(core::Micros us) {
    const double ms = static_cast<double>(us) / 1000;
    return ms < 1    ? fmt::format("{:.2f} ms", ms)
           : ms < 10 ? fmt::format("{:.1f} ms", ms)
                     : fmt::format("{:.0f} ms", ms);
}

std::string html_command(std::string_view command) {
    return fmt::format("<pre class=\"command\"><code>{}</code></pre>\n", html_text(command));
}

}  // namespace postern::agent
