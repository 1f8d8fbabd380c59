// SPDX-License-Identifier: Apache-2.0
#include "agent/text/json_view.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace postern::agent {
namespace {

using nlohmann::json;

const json* as_json(const void* node) {
    return static_cast<const json*>(node);
}

/// Counts brackets outside strings. The parser does not recurse, but code that traverses the document does.
bool too_deep(std::string_view text, int max_depth) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max_depth) return true;
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return false;
}

std::string looks_like(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return "an empty body";
    if (text[first] == '<') return "an HTML or XML page";
    if (text[first] == '{' || text[first] == '[') return "JSON that is cut off or damaged";
    return "something that is not JSON";
}

}  // namespace

core::Result<JsonView> JsonView::parse(std::string_view text, std::size_t max_bytes, int max_depth) {
    if (text.size() > max_bytes)
        return core::fail(core::Code::kTooLarge, core::message("JSON of {} bytes", text.size()));
    if (too_deep(text, max_depth)) return core::fail(core::Code::kApiBadReply, "JSON that is nested too deeply");
    auto document = std::make_shared<const json>(json::parse(text.begin(), text.end(), nullptr, false));
    if (document->is_discarded()) return core::fail(core::Code::kApiBadReply, looks_like(text));
    const json* root = document.get();
    return JsonView(std::move(document), root);
}

bool JsonView::is_object() const {
    return node_ != nullptr && as_json(node_)->is_object();
}
bool JsonView::is_array() const {
    return node_ != nullptr && as_json(node_)->is_array();
}
bool JsonView::is_null() const {
    return node_ == nullptr || as_json(node_)->is_null();
}

JsonView JsonView::at(const char* key) const {
    if (!is_object()) return {};
    const json& object = *as_json(node_);
    const auto it = object.find(key);
    return it == object.end() ? JsonView() : JsonView(document_, &*it);
}

JsonView JsonView::at(std::initializer_list<const char*> keys) const {
    for (const char* key : keys) {
        JsonView found = at(key);
        if (!found.is_null()) return found;
    }
    return {};
}

std::string JsonView::text() const {
    if (node_ == nullptr) return {};
    const json& value = *as_json(node_);
    if (const auto* string = value.get_ptr<const json::string_t*>()) return *string;
    if (value.is_number_unsigned()) return std::to_string(*value.get_ptr<const json::number_unsigned_t*>());
    if (value.is_number_integer()) return std::to_string(*value.get_ptr<const json::number_integer_t*>());
    if (const auto* flag = value.get_ptr<const json::boolean_t*>()) return *flag ? "true" : "false";
    return {};
}

std::optional<std::int64_t> JsonView::integer() const {
    // Parsed from the text: identifiers exceed 2^53, so they must not pass through a double.
    const std::string digits = text();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

std::optional<bool> JsonView::boolean() const {
    const std::string word = text();
    if (word == "true" || word == "True") return true;
    if (word == "false" || word == "False") return false;
    return std::nullopt;
}

std::vector<JsonView> JsonView::items() const {
    std::vector<JsonView> out;
    if (!is_array()) return out;
    for (const json& item : *as_json(node_))
        out.push_back(JsonView(document_, &item));
    return out;
}

std::vector<std::pair<std::string, JsonView>> JsonView::members() const {
    std::vector<std::pair<std::string, JsonView>> out;
    if (!is_object()) return out;
    for (const auto& [key, value] : as_json(node_)->items())
        out.emplace_back(key, JsonView(document_, &value));
    return out;
}

std::string JsonView::dump() const {
    return node_ == nullptr ? "null" : as_json(node_)->dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace postern::agent
