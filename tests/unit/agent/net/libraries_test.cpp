// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/catch.h"

#include <algorithm>

#include "agent/net/libraries.h"

using namespace postern::agent;

TEST_CASE("libraries: each has a version, and a line of its own", "[libraries]") {
    const auto all = library_versions();
    CHECK(all.size() >= 10);
    const std::string lines = library_lines();
    CHECK(static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n')) == all.size());
    for (const auto& [name, version] : all) {
        INFO(name << ' ' << version);
        CHECK(version.find_first_not_of("0123456789.-DEV") == version.npos);
        CHECK(version.find('.') != version.npos);
        CHECK(lines.find(name) != lines.npos);
    }
}
