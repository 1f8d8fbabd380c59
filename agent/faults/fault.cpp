// SPDX-License-Identifier: Apache-2.0
#include "agent/faults/fault.h"

#include "agent/faults/codes.h"

namespace postern::agent::doctor {

std::string_view severity_of(State state) {
    switch (state) {
        case State::kPass:
            return "pass";
        case State::kWarn:
            return "warn";
        case State::kFail:
            return "fail";
        case State::kSkip:
            break;
    }
    return "unknown";
}

std::optional<std::pair<std::string, std::string>> catalogue_text(std::string_view value) {
    const auto end = value.starts_with('\x1f') ? value.find('\x1f', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return std::nullopt;
    return std::pair(std::string(value.substr(1, end - 1)), std::string(value.substr(end + 1)));
}

Fault make_fault(std::string_view code, std::string link, std::string ip, Values values) {
    Fault f;
    const CodeInfo* info = find_code(code);
    f.state = info == nullptr ? State::kWarn : info->severity;
    f.code = code;
    f.link = std::move(link);
    f.ip = std::move(ip);
    f.values = std::move(values);
    if (!f.link.empty()) f.values.try_emplace("link", f.link);
    if (!f.ip.empty()) f.values.try_emplace("ip", f.ip);
    return f;
}

std::string value_of(const Fault& fault, std::string_view name) {
    const auto found = fault.values.find(name);
    return found == fault.values.end() ? "" : found->second;
}

}  // namespace postern::agent::doctor
