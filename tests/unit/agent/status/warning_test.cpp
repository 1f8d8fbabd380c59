// SPDX-License-Identifier: Apache-2.0
#include "agent/status/warning.h"

#include <set>
#include <string>

#include "tests/unit/catch.h"

using namespace postern::agent;

TEST_CASE("warning: each kind has its own word, and is read back from it", "[warning]") {
    std::set<std::string_view> words;
    for (const auto kind : {WarningKind::kConfig, WarningKind::kDiscovery, WarningKind::kClock, WarningKind::kHostDns,
                            WarningKind::kAgent}) {
        words.insert(to_string(kind));
        CHECK(parse_warning_kind(to_string(kind)) == kind);
        CHECK(Warning{kind, "text"}.degrades() == (kind != WarningKind::kConfig));
    }
    CHECK(words.size() == 5);
    for (const auto word : {"", "Config", "config ", "host-dns"})
        CHECK_FALSE(parse_warning_kind(word));
    CHECK_FALSE(parse_warning_kind(std::string(1 << 20, 'a')));
    CHECK_FALSE(to_string(static_cast<WarningKind>(99)).empty());
}
