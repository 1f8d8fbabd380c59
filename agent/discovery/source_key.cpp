// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/source_key.h"

namespace postern::agent {

std::vector<std::string> source_keys(const LinkConfig& link) {
    if (!link.targets.empty()) {
        std::vector<std::string> keys;
        for (const auto& name : link.targets)
            keys.push_back(std::string(kTargetPrefix) + name);
        return keys;
    }
    if (!link.zones_file.empty()) return {std::string(kFilePrefix) + link.zones_file};
    if (link.find.configured()) return {query_key(link.find)};
    return link.endpoints;
}

std::string_view source_kind(const LinkConfig& link) {
    if (!link.targets.empty()) return "dns";
    if (!link.zones_file.empty()) return "file";
    return link.addresses.empty() ? "api" : "fixed";
}

}  // namespace postern::agent
