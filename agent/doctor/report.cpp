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
    const std::string why = f.because == kNoTime      ? words.text("words", "time")
                            : f.because == kNoRoot    ? words.text("words", "no_root")
                            : f.because == kAgentHas  ? words.text("words", "agent_has")
                            : f.because == kAgentAsks ? words.text("words", "agent_asks")
                            : f.because == kInPod     ? words.text("words", "in_pod")
                            : !f.because.empty()      ? words.text("words", "because", {{"code", f.because}})
                                                      : words.text("skipped", to_string(f.step));
    return f.ip.empty() ? why : words.text("words", "of_link", {{"link", f.ip}, {"cause", why}});
}

/// What the verdict is about and could not be looked at. The agent's own work in its place counts as looked at.
bool is_unseen(const Finding& f) {
    if (f.state != State::kSkip || f.because.empty() || f.because == kAgentHas || f.because == kAgentAsks) return false;
    if (f.because == kNoTime) return true;
    // Of one token its sql step tells, and of resolv.conf what programs get.
    return (f.step == Step::kConfig && f.link.empty()) || (f.step >= Step::kAddress && f.step <= Step::kSql);
}

/// "tcp, sql (needs root)"
std::string unseen_text(const Findings& findings, const Findings& left_out, const Catalogue& words) {
    std::vector<std::string> steps;
    bool root = false, time = false;
    for (const auto* list : {&findings, &left_out}) {
        for (const Finding& f : *list) {
            if (!is_unseen(f) && (list == &findings || f.state != State::kFail)) continue;
            root = root || f.because == kNoRoot;
            time = time || f.because == kNoTime;
            const std::string step = f.state == State::kFail ? f.code : words.text("steps", to_string(f.step));
            if (std::find(steps.begin(), steps.end(), step) == steps.end()) steps.push_back(step);
        }
    }
    return core::joined(steps) + (root ? words.text("words", "need_root") : "") +
           (time ? words.text("words", "need_time") : "");
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
        std::string text = part == "cause" ? "" : words.of(f.code, part, f.values);
        // A command at its end stays in one piece: it is there to be copied.
        const auto command = f.values.find("repair");
        if (part == "fix" && command != f.values.end() && !command->second.empty() &&
            words.ends_with_place(f.code, part, "repair")) {
            text = core::trimmed(text.substr(0, text.size() - command->second.size()));
            row(part, text);
            const std::size_t indent = text.empty() ? kMarginColumn : kMarginColumn + kKeyColumn;
            out += std::string(indent, ' ') +
                   (text.empty() ? paint.dim(pad(words.text("words", part), kKeyColumn)) : "") +
                   printable(command->second) + "\n";
        } else {
            row(part, text);
        }
        if (part == "found") row("owner", owner_of(f, words));
    }
    std::string evidence;
    for (const auto& [key, value] : f.evidence) {
        const std::string told = words.value({{key, value}}, key);
        core::add_item(evidence, key + "=" + (told.find(' ') == std::string::npos ? cut(told, kMaxEvidence) : told));
    }
    row("evidence", evidence);
    row("manual", "man 7 postern-doctor, " + f.code);
    return out;
}

Json json_of(const Finding& f, const Catalogue& words, const std::string& config) {
    Json out = {{"step", to_string(f.step)}, {"state", to_string(f.state)}, {"code", f.code}};
    if (!f.link.empty()) out["link"] = f.link;
    if (!f.ip.empty()) out["ip"] = f.ip;
    out["text"] = summary_of(f, words);
    if (f.state == State::kSkip) out["because"] = f.because.empty() ? Json(nullptr) : Json(f.because);
    if (is_trouble(f)) {
        for (const auto part : kParts)
            out[std::string(part)] = part == "cause" ? cause_of(f, words) : words.of(f.code, part, f.values);
        out["owner"] = to_string(find_code(f.code)->owner);
        Fault with_config = f;
        if (!config.empty()) with_config.values["config"] = config;
        if (const auto command = fix_command(with_config); !command.empty()) out["fix_command"] = command;
        out["manual"] = "postern-doctor(7)#" + f.code;
    }
    Json evidence = Json::object();
    for (const auto& [key, value] : f.evidence)
        evidence[key] = Catalogue::in(Language::kEnglish).value({{key, value}}, key);
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

std::string verdict_text(const Findings& findings, const Catalogue& words, const Paint& paint,
                         const Findings& left_out) {
    const Overall overall = overall_of(findings, left_out);
    Values values = {{"overall", catalogued("overall", agent::to_string(overall))},
                     {"passed", std::to_string(count(findings, State::kPass))}};
    if (overall == Overall::kUnknown) {
        values["unseen"] = unseen_text(findings, left_out, words);
        const bool some = count(findings, State::kPass) > 0;
        return paint.yellow(words.text("words",
                                       some                       ? "unseen"
                                       : values["unseen"].empty() ? "nothing"
                                                                  : "nothing_seen",
                                       values));
    }
    if (overall == Overall::kGood) return paint.green(words.text("words", "good", values));
    const State worst = overall == Overall::kFailed ? State::kFail : State::kWarn;
    const auto first =
        std::find_if(findings.begin(), findings.end(), [worst](const auto& f) { return f.state == worst; });
    const std::size_t others = count(findings, State::kFail) + count(findings, State::kWarn) - 1;
    values["cause"] = printable(cause_of(*first, words));
    values["link"] = first->link;
    values["more"] = std::to_string(others);
    if (!first->link.empty() && !words.has_place(first->code, "cause", "link"))
        values["cause"] = words.text("words", "of_link", values);
    const std::string text = words.text("words", others == 0 ? "verdict" : "verdict_and_more", values);
    return worst == State::kFail ? paint.red(text) : paint.yellow(text);
}

std::string json_of(const Findings& findings, const Catalogue& words, const Findings& left_out,
                    const std::string& config) {
    Json list = Json::array();
    for (const Finding& f : findings)
        list.push_back(json_of(f, words, config));
    const Json out = {{"schema_version", 1},
                      {"verdict", agent::to_string(overall_of(findings, left_out))},
                      {"text", verdict_text(findings, words, Paint(false), left_out)},
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
                              {"pid", "N"},
                              {"listen", "ADDRESS"},
                              {"others", "…"},
                              {"holder", "…"},
                              {"expected", "ADDRESSES"},
                              {"hooks", "…"},
                              {"users", "N"},
                              {"passed", "N"},
                              {"tried", "N"},
                              {"user", "USER"},
                              {"blocker", "PATH"},
                              {"addresses", "ADDRESSES"},
                              {"names", "NAMES"},
                              {"hosts", "HOSTS"},
                              {"zones", "ZONES"},
                              {"count", "N"},
                              {"settled_s", "N"},
                              {"reports", "…"},
                              {"place", "PLACE"},
                              {"fleet", "FLEET"},
                              {"servers", "ADDRESSES"}};
        out += fmt::format("{}  {}  {}\n", pad(c.code, 24), to_string(c.severity), words.of(c.code, "cause", named));
    }
    return out;
}

Overall overall_of(const Findings& findings, const Findings& left_out) {
    if (count(findings, State::kFail) > 0) return Overall::kFailed;
    if (count(findings, State::kWarn) > 0) return Overall::kDegraded;
    if (count(findings, State::kPass) == 0) return Overall::kUnknown;
    const auto unseen = [](const Findings& some) { return std::any_of(some.begin(), some.end(), is_unseen); };
    return unseen(findings) || unseen(left_out) || count(left_out, State::kFail) > 0 ? Overall::kUnknown
                                                                                     : Overall::kGood;
}

std::string file_stamp(core::Micros wall_us) {
    std::string out;
    for (const char c : core::format_time(wall_us)) {
        if (c != '-' && c != ':' && c != 'Z') out += c == 'T' ? '-' : c;
    }
    return out;
}

}  // namespace postern::agent::doctor
