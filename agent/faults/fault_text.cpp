// SPDX-License-Identifier: Apache-2.0
#include "agent/faults/fault_text.h"

#include <fmt/format.h>

#include "agent/faults/codes.h"
#include "probe/probe_types.h"

namespace postern::agent::doctor {

namespace {

std::string place_of(const Fault& fault) {
    const std::string zone = value_of(fault, "zone");
    return zone.empty() ? fault.ip : fmt::format("{} ({})", fault.ip, zone);
}

/// A blank between them, but not between two Chinese characters.
std::string beside(const std::string& subject, const std::string& cause) {
    const auto chinese = [](char byte) { return (static_cast<unsigned char>(byte) & 0x80U) != 0; };
    if (!subject.empty() && !cause.empty() && chinese(subject.back()) && chinese(cause.front())) return subject + cause;
    return fmt::format("{} {}", subject, cause);
}

}  // namespace

std::string cause_of(const Fault& fault, const Catalogue& words) {
    const std::string cause = words.of(fault.code, "cause", fault.values);
    if (fault.ip.empty() || words.has_place(fault.code, "cause", "ip")) return cause;
    return fmt::format("{} {}", place_of(fault), cause);
}

std::string told(const Fault& fault, const Catalogue& words) {
    Values values = fault.values;
    if (!fault.ip.empty()) values.try_emplace("place", place_of(fault));
    std::string out = words.of(fault.code, "status", values);
    if (out.empty()) {
        const std::string subject = words.text("subjects", value_of(fault, "subject"), values);
        const std::string cause = words.of(fault.code, "cause", values);
        out = subject.empty() ? cause_of(fault, words) : beside(subject, cause);
    }
    const CodeInfo* info = find_code(fault.code);
    if (info != nullptr && info->reason) out += fmt::format(" ({})", probe::to_string(*info->reason));
    if (const std::string detail = words.value(fault.values, "detail"); !detail.empty()) {
        out = words.text("words", "with_detail", {{"told", out}, {"detail", detail}});
    }
    return out + words.text("also", value_of(fault, "also"), values);
}

std::string fix_of(const Fault& fault, const Catalogue& words) {
    const std::string hint = words.value(fault.values, "hint");
    return hint.empty() ? words.of(fault.code, "fix", fault.values) : hint;
}

std::vector<std::string> fix_command(const Fault& fault) {
    std::vector<std::string> words = Catalogue::in(Language::kEnglish).command_of(fault.code, fault.values);
    const std::string config = value_of(fault, "config");
    if (!words.empty() && words.front() == "postern" && !config.empty()) {
        words.emplace_back("--config");
        words.push_back(config);
    }
    return words;
}

std::string command_line(const std::vector<std::string>& words) {
    if (words.size() == 3 && words[0] == "sh" && words[1] == "-c") return words[2];
    constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=,@%+";
    std::string out;
    for (const auto& word : words) {
        if (!out.empty()) out += ' ';
        if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
            out += word;
            continue;
        }
        out += '\'';
        for (const char c : word)
            out += c == '\'' ? std::string("'\\''") : std::string(1, c);
        out += '\'';
    }
    return out;
}

}  // namespace postern::agent::doctor
