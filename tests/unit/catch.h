// SPDX-License-Identifier: Apache-2.0
// Catch2 for every test: 2 (Debian 12, Ubuntu 22.04) has one header, 3 has many and other names for its matchers.
#pragma once

#include <string>

#if __has_include(<catch2/catch_test_macros.hpp>)

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using Catch::Approx;

#else

#include <catch2/catch.hpp>

namespace Catch::Matchers {
inline auto ContainsSubstring(const std::string& text) {  // NOLINT(readability-identifier-naming): its name in 3
    return Contains(text);
}
}  // namespace Catch::Matchers

#endif
