// SPDX-License-Identifier: Apache-2.0
#include "agent/text/glyph_width.h"

#include "tests/unit/catch.h"

using postern::agent::glyph_width;

TEST_CASE("glyph width: the ends of ranges, and what is beyond Unicode", "[cli]") {
    for (const char32_t zero : {0x300, 0x36f, 0x64b, 0x1160, 0x11ff, 0x200b, 0xfe0f, 0xe01ef})
        CHECK(glyph_width(zero) == 0);
    for (const char32_t one : {0x20, 0x7e, 0xe9, 0x2ff, 0x370, 0x628, 0x2026, 0x2713, 0xff61, 0xfffd, 0x10ffff})
        CHECK(glyph_width(one) == 1);
    for (const char32_t wide : {0x1100, 0x115f, 0x231a, 0x2705, 0x3042, 0x4e00, 0x9fff, 0xac00, 0xff01, 0xff60, 0x1f600,
                                0x1f680, 0x20000, 0x3fffd})
        CHECK(glyph_width(wide) == 2);
    CHECK(glyph_width(0xffffffff) == 1);
}
