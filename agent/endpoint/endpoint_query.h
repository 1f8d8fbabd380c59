// Endpoints named by what they are instead of by ID: the question, and its text form, which is the key of such a source.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::agent {

struct EndpointQuery {
    std::string service;                                    // "com.aliyuncs.privatelink.…"
    std::vector<std::pair<std::string, std::string>> tags;  // all of them
    std::string vpc;                                        // "": this host's
    bool configured() const { return !service.empty() || !tags.empty(); }
    bool operator==(const EndpointQuery&) const = default;
};

inline constexpr std::string_view kFindPrefix = "find:";

/// "find:service=…&tag.env=prod&vpc=…": one text for one question, whatever the order of the tags.
std::string query_key(const EndpointQuery& query);
/// The question of a key; nothing for another text.
std::optional<EndpointQuery> parse_query_key(std::string_view key);
/// "endpoint of com.aliyuncs… with env=prod in vpc-…", for messages.
std::string describe(const EndpointQuery& query, const std::string& vpc);

}  // namespace postern::agent
