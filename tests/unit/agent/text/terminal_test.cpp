// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "agent/text/terminal.h"

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
