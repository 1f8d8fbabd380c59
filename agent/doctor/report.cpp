// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent::doctor {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kStepColumn = 17, kMarginColumn = 6, kKeyColumn = 10;
constexpr std::size_t kMaxEvidence = 40;  // of a value without blanks, such as a fingerprint; JSON has it whole
constexpr std::array<std::string_view, 5> kParts = {"cause", "expected", "found", "fix", "verify"};

std::size_t count(const Findings& findings, State state) {
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(), [state](const auto& f) { return f.state == state; }));
}

std::string painted(State state, const Paint& paint) {
    const std::string word(to_string(state));
    switch (state) {
        case State::kPass:
            return paint.green(word);
        case State::kWarn:
            return paint.yellow(word);
        case State::kFail:
            return paint.red(word);
        case State::kSkip:
            break;
    }
    return paint.dim(word);
}

bool is_trouble(const Finding& f) {
    return f.state == State::kWarn || f.state == State::kFail;
}

std::string summary_of(const Finding& f, const Catalogue& words) {
    if (is_trouble(f)) return cause_of(f, words);
    if (f.state == State::kPass) return words.text("passed", to_string(f.step), f.values);
    const std::string about = f.ip.empty() ? "" : f.ip + ": ";
    if (f.because == kNoTime) return about + words.text("words", "time");
    if (f.because == kNoRoot) return about + words.text("words", "no_root");
    if (f.because == kAgentHas) return about + words.text("words", "agent_has");
    if (!f.because.empty()) return about + words.text("words", "because", {{"code", f.because}});
    return about + words.text("skipped", to_string(f.step));
}

std::string owner_of(const Finding& f, const Catalogue& words) {
    return words.text("owners", to_string(find_code(f.code)->owner));
}

std::string block(const Finding& f, const Catalogue& words, const Paint& paint, std::size_t columns) {
    std::string out;
    const auto row = [&](std::string_view key, const std::string& text) {
        if (text.empty()) return;
        out += fmt::format("{}{}{}\n", std::string(kMarginColumn, ' '),
                           paint.dim(pad(words.text("words", key), kKeyColumn)),
                           wrap_text(printable(text), columns, kMarginColumn + kKeyColumn));
    };
    for (const auto part : kParts) {
        if (part != "cause") row(part, words.of(f.code, part, f.values));
        if (part == "found") row("owner", owner_of(f, words));
    }
    std::string evidence;
    for (const auto& [key, value] : f.evidence)
        core::add_item(evidence, key + "=" + (value.find(' ') == std::string::npos ? cut(value, kMaxEvidence) : value));
    row("evidence", evidence);
    row("manual", "man 7 postern-doctor, " + f.code);
    return out;
}

Json json_of(const Finding& f, const Catalogue& words) {
    Json out = {{"step", to_string(f.step)}, {"state", to_string(f.state)}, {"code", f.code}};
    if (!f.link.empty()) out["link"] = f.link;
    if (!f.ip.empty()) out["ip"] = f.ip;
    out["text"] = summary_of(f, words);
    if (f.state == State::kSkip) out["because"] = f.because.empty() ? Json(nullptr) : Json(f.because);
    if (is_trouble(f)) {
        for (const auto part : kParts)
            out[std::string(part)] = part == "cause" ? cause_of(f, words) : words.of(f.code, part, f.values);
        out["owner"] = to_string(find_code(f.code)->owner);
        out["manual"] = "postern-doctor(7)#" + f.code;
    }
    Json evidence = Json::object();
    for (const auto& [key, value] : f.evidence)
        evidence[key] = value;
    if (!evidence.empty()) out["evidence"] = std::move(evidence);
    return out;
}

}  // namespace

std::string text_of(const Findings& findings, const Catalogue& words, const Paint& paint, std::size_t columns) {
    std::string out;
    for (const Finding& f : findings) {
        const std::string step = words.text("steps", to_string(f.step));
        std::string text = printable(summary_of(f, words));
        if (is_trouble(f)) text = fmt::format("{}  {}", f.code, text);
        text = wrap_text(text, columns, kMarginColumn + kStepColumn);
        out += fmt::format("{}  {}{}\n", painted(f.state, paint), pad(step, kStepColumn),
                           f.state == State::kSkip ? paint.dim(text) : text);
        if (is_trouble(f)) out += block(f, words, paint, columns);
    }
    return out;
}

std::string verdict_text(const Findings& findings, const Catalogue& words, const Paint& paint) {
    const Overall overall = overall_of(findings);
    Values values = {{"overall", catalogued("overall", agent::to_string(overall))},
                     {"passed", std::to_string(count(findings, State::kPass))}};
    if (overall == Overall::kUnknown) return paint.yellow(words.text("words", "nothing", values));
    if (overall == Overall::kGood) return paint.green(words.text("words", "good", values));
    const State worst = overall == Overall::kFailed ? State::kFail : State::kWarn;
    const auto first =
        std::find_if(findings.begin(), findings.end(), [worst](const auto& f) { return f.state == worst; });
    const std::size_t others = count(findings, State::kFail) + count(findings, State::kWarn) - 1;
    values["cause"] = printable(cause_of(*first, words));
    values["link"] = first->link;
    values["more"] = std::to_string(others);
    if (!first->link.empty() && values["cause"].find(first->link) == std::string::npos)
        values["cause"] = words.text("words", "of_link", values);
    const std::string text = words.text("words", others == 0 ? "verdict" : "verdict_and_more", values);
    return worst == State::kFail ? paint.red(text) : paint.yellow(text);
}

std::string json_of(const Findings& findings, const Catalogue& words) {
    Json list = Json::array();
    for (const Finding& f : findings)
        list.push_back(json_of(f, words));
    const Json out = {{"schema_version", 1},
                      {"verdict", agent::to_string(overall_of(findings))},
                      {"text", verdict_text(findings, words, Paint(false))},
                      {"findings", std::move(list)}};
    return core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

std::string list_text(const Catalogue& words) {
    std::string out;
    for (const CodeInfo& c : all_codes()) {
        const Values named = {{"name", "NAME"},
                              {"ip", "ADDRESS"},
                              {"link", "LINK"},
                              {"file", "FILE"},
                              {"problem", "…"},
                              {"port", "443"},
                              {"line", "N"},
                              {"server", "ADDRESS"},
                              {"path", "PATH"},
                              {"writer", "…"},
                              {"variable", "https_proxy"},
                              {"reason", "…"},
                              {"found", "…"},
                              {"endpoint", "ENDPOINT"},
                              {"zone", "ZONE"},
                              {"region", "REGION"},
                              {"provider", "…"},
                              {"answer", "…"},
                              {"takeover", "…"},
                              {"what", "…"},
                              {"why", "…"},
                              {"how", "…"},
                              {"missing", "ADDRESS"},
                              {"changed", "TIME"},
                              {"loaded", "TIME"},
                              {"containers", "…"},
                              {"pid", "N"}};
        out += fmt::format("{}  {}  {}\n", pad(c.code, 24), to_string(c.severity), words.of(c.code, "cause", named));
    }
    return out;
}

Overall overall_of(const Findings& findings) {
    if (count(findings, State::kFail) > 0) return Overall::kFailed;
    if (count(findings, State::kWarn) > 0) return Overall::kDegraded;
    return count(findings, State::kPass) > 0 ? Overall::kGood : Overall::kUnknown;
}

std::string file_stamp(core::Micros wall_us) {
    std::string out;
    for (const char c : core::format_utc(wall_us).substr(0, 19)) {
        if (c != '-' && c != ':') out += c == 'T' ? '-' : c;
    }
    return out;
}

}  // namespace postern::agent::doctor
