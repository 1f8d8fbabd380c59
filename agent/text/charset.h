// SPDX-License-Identifier: Apache-2.0
// Text for a terminal that is not in UTF-8. The charset is the one that the locale's name has, whether or not the host has
// that locale. Pure but for iconv(3), which loads its tables.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace postern::agent {

/// "GBK" of LC_ALL, LC_CTYPE or LANG (the first that is set); "" for UTF-8. "ASCII" for C, POSIX, or none of them. A name
/// without a charset has the one of old: "GB2312" for zh_CN, "BIG5" for zh_TW and zh_HK, UTF-8 for others.
std::string terminal_charset(const std::function<std::string(const std::string&)>& environment);

/// Whether Chinese can be shown in it, and this host's libc can convert to it.
bool can_show_chinese(const std::string& charset);

/// In that charset. What it does not have is replaced by ASCII: "…" by "...", "→" by "->", what has no such form by "?".
/// "ASCII" is also what a terminal has of which nothing is known: there it stays, as the terminal may take UTF-8.
/// Columns stay where they are: blanks that pad a column give way to what has become wider; where they do not suffice, each
/// such character is one of ASCII, and so in a line that would be wider than 80 columns for it. "" (UTF-8), or a charset that libc does not know: unchanged.
std::string in_charset(std::string_view utf8, const std::string& charset);

}  // namespace postern::agent
