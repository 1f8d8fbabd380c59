// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/served.h"

#include <algorithm>

#include "agent/text/values.h"
#include "core/file_system.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxNames = 10000;  // as many as links

}  // namespace

core::Fallback read_served(const std::string& path) {
    const auto text = core::read_file(path, core::kMaxFallbackBytes);
    if (!text) return {};
    core::Fallback served = core::parse_fallback(*text);
    served.names = safe_names(std::move(served.names));
    return served;
}

std::vector<std::string> safe_names(std::vector<std::string> names) {
    std::erase_if(names, [](const std::string& name) { return !normalise_host(name); });
    if (names.size() > kMaxNames) names.resize(kMaxNames);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace postern::agent
