// SPDX-License-Identifier: Apache-2.0
#include "agent/faults/fault.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "agent/faults/codes.h"
#include "core/secret.h"

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

namespace {

// A message as a value: \x1e, then form, number of values and values, each as long as its number says: "5:hello".
void put_text(std::string& out, std::string_view text) {
    out += std::to_string(text.size()) + ":";
    out += text;
}

void put(std::string& out, const core::Message& m) {
    put_text(out, m.form());
    if (m.form().empty()) return put_text(out, m.text());
    put_text(out, std::to_string(m.values().size()));
    for (const core::Message& value : m.values())
        put(out, value);
}

std::optional<std::string> take(std::string_view& in) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(in.data(), in.data() + in.size(), size);
    const auto head = static_cast<std::size_t>(end - in.data()) + 1;
    if (error != std::errc{} || head > in.size() || *end != ':' || size > in.size() - head) return std::nullopt;
    std::string out(in.substr(head, size));
    in.remove_prefix(head + size);
    return out;
}

std::optional<core::Message> take_message(std::string_view& in, int depth) {
    auto form = take(in), next = take(in);
    if (!form || !next || depth > kMaxMessageDepth) return std::nullopt;
    if (form->empty()) return core::Message(std::move(*next));
    std::size_t left = 0;
    const char* const last = next->data() + next->size();
    if (const auto [end, error] = std::from_chars(next->data(), last, left); error != std::errc{} || end != last)
        return std::nullopt;
    std::vector<core::Message> values;
    for (; left > 0; --left) {
        auto value = take_message(in, depth + 1);
        if (!value) return std::nullopt;
        values.push_back(std::move(*value));
    }
    return core::Message(std::move(*form), std::move(values));
}

int depth_of(const core::Message& m) {
    int deepest = -1;
    for (const core::Message& value : m.values())
        deepest = std::max(deepest, depth_of(value));
    return deepest + 1;
}

core::Message redacted(const core::Message& m) {
    if (m.form().empty()) return core::redact(m.text());
    std::vector<core::Message> values;
    for (const core::Message& value : m.values())
        values.push_back(redacted(value));
    return {m.form(), std::move(values)};
}

}  // namespace

std::string redacted_value(const std::string& value) {
    const auto message = message_value(value);
    return message ? told_value(redacted(*message)) : core::redact(value);
}

std::string told_value(const core::Message& message) {
    if (message.form().empty() || depth_of(message) > kMaxMessageDepth) return message;
    std::string out = "\x1e";
    put(out, message);
    return out;
}

std::optional<core::Message> message_value(std::string_view value) {
    if (!value.starts_with('\x1e')) return std::nullopt;
    value.remove_prefix(1);
    auto out = take_message(value, 0);
    return value.empty() ? out : std::nullopt;
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
