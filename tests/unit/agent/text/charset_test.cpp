// SPDX-License-Identifier: Apache-2.0
#include "agent/text/charset.h"

#include <map>

#include "tests/unit/catch.h"

using namespace postern::agent;

TEST_CASE("text: the charset is the one that the locale's name has", "[text]") {
    const auto of = [](std::map<std::string, std::string> set) {
        return terminal_charset([set](const std::string& name) {
            const auto found = set.find(name);
            return found == set.end() ? std::string() : found->second;
        });
    };
    CHECK(of({}) == "ASCII");
    CHECK(of({{"LANG", "C"}}) == "ASCII");
    CHECK(of({{"LANG", "POSIX"}}) == "ASCII");
    CHECK(of({{"LANG", "C.UTF-8"}}).empty());
    CHECK(of({{"LANG", "en_US.utf8"}}).empty());
    CHECK(of({{"LANG", "de_DE"}}).empty());
    CHECK(of({{"LANG", "zh_CN.UTF-8"}, {"LC_ALL", "C"}}) == "ASCII");
    CHECK(of({{"LANG", "C"}, {"LC_CTYPE", "zh_CN.UTF-8@x"}}).empty());
    CHECK(of({{"LANG", "zh_CN"}}) == "GB2312");
    CHECK(of({{"LANG", "xx_YY.nonsense"}}) == "ASCII");
    const std::string gbk = of({{"LC_ALL", "zh_CN.GBK"}});
    CHECK((gbk == "GBK" || gbk == "ASCII"));  // where libc has no tables
}

TEST_CASE("text: what a charset does not have is shown in ASCII", "[text]") {
    CHECK(in_charset("a … → “b” 中\n", "ASCII") == "a ... -> \"b\" 中\n");
    CHECK(in_charset("a … 中", "") == "a … 中");
    CHECK(in_charset("\xff", "ASCII") == "?");
    CHECK_FALSE(can_show_chinese("ASCII"));
    CHECK(can_show_chinese(""));
    if (can_show_chinese("GBK")) {
        CHECK(in_charset("中…✓\033[1m", "GBK") == "\xd6\xd0\xa1\xadok\033[1m");
    }
}

TEST_CASE("text: columns stay where they are in another charset", "[text]") {
    // Padding gives way; without padding each character takes one column.
    CHECK(in_charset("ep-…    up\nep-abc  up\n", "ASCII") == "ep-...  up\nep-abc  up\n");
    CHECK(in_charset("a → b…  up\nabcdef  up\n", "ASCII") == "a > b.  up\nabcdef  up\n");
    CHECK(in_charset("● up  ░▒▓█\n", "ASCII") == "* up  .:+#\n");
    CHECK(in_charset("…  ", "ASCII") == "... ");
    // What fills a terminal's line does not run over.
    const std::string words(77, 'x');
    CHECK(in_charset("→ " + words, "ASCII") == "-> " + words);
    CHECK(in_charset("→ x" + words, "ASCII") == "> x" + words);
    CHECK(in_charset("\033[1m→\033[0m x" + words, "ASCII") == "\033[1m>\033[0m x" + words);
    CHECK(in_charset("→ xx" + words, "ASCII") == "-> xx" + words);
    if (!can_show_chinese("GBK")) return;
    CHECK(in_charset("地址…   up", "GBK") == "\xb5\xd8\xd6\xb7\xa1\xad  up");
    CHECK(in_charset("● █", "GBK") == "* #");  // two columns wide there
}
