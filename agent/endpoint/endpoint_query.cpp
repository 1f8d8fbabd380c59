// SPDX-License-Identifier: Apache-2.0
#include "agent/endpoint/endpoint_query.h"

#include <charconv>
#include <map>

#include "core/secret.h"

namespace postern::agent {
namespace {

constexpr std::string_view kTag = "tag.";

std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned byte = 0;
        if (text.size() - i < 3) return std::nullopt;
        const char* const last = text.data() + i + 3;
        if (std::from_chars(text.data() + i + 1, last, byte, 16).ptr != last) return std::nullopt;
        out += static_cast<char>(byte);
        i += 2;
    }
    return out;
}

}  // namespace

std::string query_key(const EndpointQuery& query) {
    std::map<std::string, std::string> values;
    if (!query.service.empty()) values["service"] = query.service;
    for (const auto& [name, value] : query.tags)
        values[std::string(kTag) + name] = value;
    if (!query.vpc.empty()) values["vpc"] = query.vpc;
    std::string out(kFindPrefix);
    for (const auto& [name, value] : values) {
        out += (out.size() == kFindPrefix.size() ? "" : "&") + core::percent_encode(name) + "=" +
               core::percent_encode(value);
    }
    return out;
}

std::optional<EndpointQuery> parse_query_key(std::string_view key) {
    if (!key.starts_with(kFindPrefix)) return std::nullopt;
    key.remove_prefix(kFindPrefix.size());
    EndpointQuery out;
    while (!key.empty()) {
        const std::string_view pair = key.substr(0, key.find('&'));
        key.remove_prefix(pair.size() < key.size() ? pair.size() + 1 : pair.size());
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const auto name = decoded(pair.substr(0, equals)), value = decoded(pair.substr(equals + 1));
        if (!name || !value) return std::nullopt;
        if (*name == "service") {
            out.service = *value;
        } else if (*name == "vpc") {
            out.vpc = *value;
        } else if (name->starts_with(kTag)) {
            out.tags.emplace_back(name->substr(kTag.size()), *value);
        } else {
            return std::nullopt;
        }
    }
    if (!out.configured()) return std::nullopt;
    return out;
}

std::string describe(const EndpointQuery& query, const std::string& vpc) {
    std::string out = "endpoint" + (query.service.empty() ? "" : " of " + query.service);
    const char* word = " with the tag ";
    for (const auto& [name, value] : query.tags) {
        out += word + name + (value.empty() ? "" : "=" + value);
        word = " and ";
    }
    return vpc.empty() ? out : out + " in " + vpc;
}

}  // namespace postern::agent
