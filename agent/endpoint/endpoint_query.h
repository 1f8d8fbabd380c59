// SPDX-License-Identifier: Apache-2.0
// A search for endpoints by service, tags and VPC instead of an ID, and its text form, the key of such a source.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::agent {

struct EndpointQuery {
    std::string service;                                    // "com.aliyuncs.privatelink.…"
    std::vector<std::pair<std::string, std::string>> tags;  // all must match
    std::string vpc;                                        // "": this host's VPC
    bool configured() const { return !service.empty() || !tags.empty(); }
    bool operator==(const EndpointQuery&) const = default;
};

inline constexpr std::string_view kFindPrefix = "find:";

/// "find:service=…&tag.env=prod&vpc=…": the same text for the same search, whatever the order of the tags.
std::string query_key(const EndpointQuery& query);
/// The search in a key; nullopt for other text.
std::optional<EndpointQuery> parse_query_key(std::string_view key);
/// "endpoint of com.aliyuncs… with env=prod in vpc-…", for messages.
std::string describe(const EndpointQuery& query, const std::string& vpc);

}  // namespace postern::agent
