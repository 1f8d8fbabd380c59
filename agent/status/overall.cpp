// SPDX-License-Identifier: Apache-2.0
#include "agent/status/overall.h"

#include <array>

namespace postern::agent {

namespace {

constexpr std::array kAll = {Overall::kGood, Overall::kDegraded, Overall::kFailed, Overall::kUnknown};

int rank(Overall overall) {
    switch (overall) {
        case Overall::kGood:
            return 0;
        case Overall::kUnknown:
            return 1;
        case Overall::kDegraded:
            return 2;
        case Overall::kFailed:
            return 3;
    }
    return 1;
}

}  // namespace

std::string_view to_string(Overall overall) {
    switch (overall) {
        case Overall::kGood:
            return "good";
        case Overall::kDegraded:
            return "degraded";
        case Overall::kFailed:
            return "failed";
        case Overall::kUnknown:
            return "unknown";
    }
    return "unknown";
}

Overall worse(Overall a, Overall b) {
    return rank(a) < rank(b) ? b : a;
}

std::string overall_header(Overall overall) {
    return std::to_string(exit_code(overall));
}

std::optional<Overall> parse_overall_header(std::string_view text) {
    for (const Overall overall : kAll) {
        if (text == overall_header(overall)) return overall;
    }
    return std::nullopt;
}

}  // namespace postern::agent
