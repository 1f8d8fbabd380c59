// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_path.h"

#include <fmt/format.h>

#include "agent/serving/page_html.h"
#include "agent/serving/page_link.h"
#include "agent/status/path_steps.h"

namespace postern::agent {

namespace {

using doctor::State;

constexpr std::size_t kMaxStrips = 50;  // of links

std::string_view shape_of(State state) {
    switch (state) {
        case State::kPass:
            return "✓";
        case State::kWarn:
            return "▲";
        case State::kFail:
            return "✕";
        case State::kSkip:
            break;
    }
    return "–";
}

std::string strip(const std::vector<PathStep>& steps, const PageWords& words) {
    const auto& catalogue = words.catalogue();
    std::string out = "<ol class=\"path\">\n";
    for (const PathStep& step : steps) {
        const std::string_view state = step.state == State::kSkip ? "skip" : doctor::severity_of(step.state);
        const std::string text = text_of(step, catalogue);
        out += fmt::format(
            "<li class=\"{0}\"><span class=\"step\">{1}</span> <span class=\"state {0}\">{2} {3}</span> <span "
            "class=\"note\">{4}</span></li>\n",
            state, html_text(name_of(step, catalogue)), shape_of(step.state),
            html_text(catalogue.text("path", to_string(step.state))),
            step.sentence.empty() ? html_text(text) : html_sentence(text, words));
    }
    return out + "</ol>\n";
}

}  // namespace

std::string path_section(const StatusSnapshot& s, const PageWords& words, const LinkStatus* chosen) {
    std::string out = fmt::format("<h2>{}</h2>\n{}", words.path, strip(host_steps(s), words));
    std::size_t shown = 0, left = 0;
    for (const LinkStatus* link : worst_first(s)) {
        const auto steps = link_steps(s, *link);
        const State worst = worst_of(steps);
        if (link != chosen && worst != State::kFail && worst != State::kWarn) continue;
        if (shown == kMaxStrips && link != chosen) {
            ++left;
            continue;
        }
        ++shown;
        out += fmt::format("<h3>{} {}</h3>\n{}", html_text(link->name), html_link_state(*link, words),
                           strip(steps, words));
    }
    if (left > 0) out += fmt::format("<p class=\"note\">{}</p>\n", fmt::format(fmt::runtime(words.more_links), left));
    return out;
}

}  // namespace postern::agent
