// SPDX-License-Identifier: Apache-2.0
// The overall state. Its numbers are the exit codes of commands and the values of the header X-Postern-Overall. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::agent {

enum class Overall { kGood = 0, kDegraded = 1, kFailed = 2, kUnknown = 3 };

std::string_view to_string(Overall overall);  // "good"
/// Good, unknown, degraded, failed: in this order.
Overall worse(Overall a, Overall b);

constexpr int exit_code(Overall overall) {
    return static_cast<int>(overall);
}
/// The header's value, and back; nullopt for any other text.
std::string overall_header(Overall overall);
std::optional<Overall> parse_overall_header(std::string_view text);

}  // namespace postern::agent
