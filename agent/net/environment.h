// SPDX-License-Identifier: Apache-2.0
// The process environment, passed in: tests give a table, the program passes getenv.
#pragma once

#include <cstdlib>
#include <functional>
#include <string>

namespace postern::agent {

/// The value of a variable, "" when unset.
using Environment = std::function<std::string(const std::string& name)>;

inline Environment process_environment() {
    return [](const std::string& name) {
        const char* value = std::getenv(name.c_str());
        return std::string(value == nullptr ? "" : value);
    };
}

}  // namespace postern::agent
