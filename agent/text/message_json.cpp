// SPDX-License-Identifier: Apache-2.0
#include "agent/text/message_json.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/log.h"

namespace postern::agent {
namespace {

constexpr int kMaxDepth = 10;  // a reader takes 32 brackets (json_view)
constexpr std::size_t kMaxValues = 16;

core::Message read(const JsonView& json, int depth) {
    if (!json.is_object()) return json.text();
    std::vector<core::Message> values;
    for (const JsonView& item : json.at("values").items()) {
        if (depth == kMaxDepth || values.size() == kMaxValues) break;
        values.push_back(read(item, depth + 1));
    }
    return {json.at("form").text(), std::move(values)};
}

bool fits(const core::Message& message, int depth) {
    if (depth > kMaxDepth || message.values().size() > kMaxValues) return false;
    return std::all_of(message.values().begin(), message.values().end(),
                       [depth](const core::Message& value) { return fits(value, depth + 1); });
}

}  // namespace

std::string message_json(const core::Message& message) {
    if (message.form().empty() || !fits(message, 0)) return core::json_quote(message.text());
    std::string values;
    for (const core::Message& value : message.values())
        values += (values.empty() ? "" : ",") + message_json(value);
    return "{\"form\":" + core::json_quote(message.form()) + ",\"values\":[" + values + "]}";
}

core::Message read_message(const JsonView& json, std::string_view text) {
    core::Message message = read(json, 0);
    return message.text() == text ? message : core::Message(text);
}

}  // namespace postern::agent
