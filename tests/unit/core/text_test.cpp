// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "core/text.h"
#include "tests/unit/catch.h"

using namespace postern::core;

TEST_CASE("text: letters in lower case, ASCII only", "[text]") {
    CHECK(lowered("Content-TYPE: Ä") == "content-type: Ä");
    CHECK(lowered("@[`{") == "@[`{");
    CHECK(same_word("Keep-Alive", "keep-aLIVE"));
    CHECK_FALSE(same_word("close", "closed"));
}

TEST_CASE("text: blanks at both ends are removed", "[text]") {
    CHECK(trimmed(" \t a b\r\n") == "a b");
    CHECK(trimmed(" \t\r\n").empty());
    CHECK(trimmed("").empty());
    CHECK(trimmed("\ra ", " ") == "\ra");
}

TEST_CASE("text: bytes, lists and milliseconds", "[text]") {
    CHECK(hex(as_bytes(std::string_view("\x00\x7f\xff", 3))) == "007fff");
    CHECK(joined(std::vector<std::string>{"a", "", "c"}) == "a, , c");
    CHECK(joined(std::vector<std::string>{}).empty());
    CHECK(joined(
              std::vector<int>{1, 2}, [](int n) { return std::to_string(n); }, ";") == "1;2");
    std::string list;
    for (const auto* item : {"x", "y"})
        add_item(list, item);
    CHECK(list == "x, y");
    CHECK(in_ms(12345) == "12.3");
    CHECK(in_ms(0) == "0.0");
    CHECK(milliseconds(1500) == "1.5 ms");
}
