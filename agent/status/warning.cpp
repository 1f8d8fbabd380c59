// SPDX-License-Identifier: Apache-2.0
#include "agent/status/warning.h"

#include <array>
#include <utility>

namespace postern::agent {

namespace {

constexpr std::array<std::pair<WarningKind, std::string_view>, 7> kWords = {{{WarningKind::kConfig, "config"},
                                                                             {WarningKind::kDiscovery, "discovery"},
                                                                             {WarningKind::kZones, "zones"},
                                                                             {WarningKind::kClock, "clock"},
                                                                             {WarningKind::kHostDns, "host_dns"},
                                                                             {WarningKind::kFreeing, "freeing"},
                                                                             {WarningKind::kAgent, "agent"}}};

}  // namespace

std::string_view to_string(WarningKind kind) {
    for (const auto& [one, word] : kWords) {
        if (one == kind) return word;
    }
    return "agent";
}

std::optional<WarningKind> parse_warning_kind(std::string_view text) {
    for (const auto& [kind, word] : kWords) {
        if (word == text) return kind;
    }
    return std::nullopt;
}

}  // namespace postern::agent
