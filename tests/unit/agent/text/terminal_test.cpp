// SPDX-License-Identifier: Apache-2.0
#include "agent/text/terminal.h"

#include "tests/unit/catch.h"

using namespace postern::agent;

TEST_CASE("terminal: width counts columns, not bytes and not escapes", "[cli]") {
    CHECK(display_width("abc") == 3);
    CHECK(display_width("端点") == 4);
    CHECK(display_width("é…✓") == 3);
    CHECK(display_width("\033[1;31mdown\033[0m") == 4);
    CHECK(display_width("\xff\xfe") <= 2);
    CHECK(display_width("\033") == 0);
    CHECK(pad("é", 3) == "é  ");
    CHECK(pad_left("端", 3) == " 端");
}

TEST_CASE("terminal: names in any script are as wide as a terminal draws them", "[cli]") {
    struct Case {
        const char* text;
        std::size_t columns;
    };
    const Case cases[] = {
        {"数据库-h", 8},                  // Chinese
        {"ｶﾀ", 2},                        // halfwidth
        {"قاعدة", 5},                     // Arabic letters
        {"\xd9\x82\xd9\x8e\xd8\xa7", 2},  // with a mark above
        {"\xd7\xa9\xd7\x81\xd6\xb8", 1},  // Hebrew with points
        {"\xe0\xa4\x95\xe0\xa5\x8d", 1},  // Devanagari with a virama
        {"\xe0\xb8\x81\xe0\xb8\xb1", 1},  // Thai with a vowel above
        {"e\xcc\x81", 1},                 // a combining accent
        {"\xe1\x84\x80\xe1\x85\xa1", 2},  // Hangul of two parts
        {"\xe2\x9d\xa4\xef\xb8\x8f", 1},  // a heart and a variation selector
        {"✅", 2},
        {"⌚", 2},
        {"🚀", 2},
        {"𠀀", 2},
        {"\xe2\x82\xac", 1},  // the euro sign
    };
    for (const auto& c : cases) {
        INFO(c.text);
        CHECK(display_width(c.text) == c.columns);
        CHECK(display_width(pad(c.text, 12)) == 12);
        CHECK(printable(c.text) == c.text);
    }
    CHECK(cut("e\xcc\x81"
              "e\xcc\x81"
              "e\xcc\x81",
              2) == "e\xcc\x81…");  // an accent stays with its letter
}

TEST_CASE("terminal: cutting keeps whole characters and says that it cut", "[cli]") {
    CHECK(cut("abcdef", 6) == "abcdef");
    CHECK(cut("abcdef", 4) == "abc…");
    CHECK(cut("端点端点", 5) == "端点…");
    CHECK(cut("", 0).empty());
}

TEST_CASE("terminal: paragraphs break at blanks and stand under their first word", "[cli]") {
    CHECK(wrap_text("one two three four", 10, 2) == "one two\n  three\n  four");
    CHECK(wrap_text("averyveryverylongword b", 10, 2) == "averyveryverylongword\n  b");
    CHECK(wrap_text("", 10, 2).empty());
    CHECK(wrap_text("一二三四五六", 8, 2) == "一二三\n  四五六");
    CHECK(wrap_text("一二三，四", 8, 2) == "一二\n  三，四");  // no line begins with a comma
    CHECK(wrap_text("一二（三）", 8, 2) == "一二\n  （三）");  // none ends with an open bracket
    CHECK(wrap_text("见 /etc/hosts 一", 14, 2) == "见\n  /etc/hosts\n  一");
    CHECK(wrap_text("a  b", 10, 2) == "a  b");
}

TEST_CASE("terminal: foreign bytes can't draw", "[cli]") {
    CHECK(printable("a\033[2Jb\nc\td\x7f") == "a.[2Jb.c.d.");
    CHECK(printable("x\xc2\x9by") == "x.y");  // the one-character CSI
    CHECK(printable("端点") == "端点");
    CHECK(printable("\xc2") == "\xEF\xBF\xBD");
    CHECK(printable("x\xe2\x80\xaey") == "x.y");  // right-to-left override
}
