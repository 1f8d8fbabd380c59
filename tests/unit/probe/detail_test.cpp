// SPDX-License-Identifier: Apache-2.0
#include "probe/detail.h"
#include "probe/excerpt.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;

TEST_CASE("detail: what was found is told apart from what was expected", "[probe]") {
    const auto detail = differs(core::message("a certificate for {}", "a"), core::message("one for {}", "b"));
    CHECK(detail == "expected a certificate for a, found one for b");
    CHECK(found_in(detail) == "one for b");
    const core::Message other("the peer stopped acknowledging");
    CHECK(found_in(other) == other);
    CHECK(found_in(differs("JSON", core::message("{} bytes: {}", 9, std::string(" <a>\r\n  b ")))) == "9 bytes: <a> b");
    // Words of the peer are never read as ours.
    CHECK(found_in(std::string("expected x, found y")) == "expected x, found y");
}

TEST_CASE("detail: what the peer said is one line of bounded size, in the structure, too", "[probe]") {
    const std::string said = "a\nb\x1b[1m" + std::string(2000, 'x');
    const auto detail = detail_message(differs("code 0", core::message("code {}: {}", 5, said)));
    CHECK(detail.size() <= kDetailBytes);
    CHECK(detail.text().find_first_of("\n\x1b") == std::string::npos);
    const std::string found = found_in(detail).values().back();
    CHECK(found.size() <= kDetailBytes);
    CHECK(found.starts_with("a b [1mxxx"));
}
