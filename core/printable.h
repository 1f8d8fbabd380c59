// SPDX-License-Identifier: Apache-2.0
// Text from outside (a certificate, a reply, a file, a name) made safe to show in a log, on a terminal or on a page. What
// a terminal obeys or what changes the order of the text around it does not pass: the C0 and C1 controls, the line
// separators and the format characters of Unicode (category Cf, which has the bidirectional overrides). Bytes that are
// no UTF-8 become U+FFFD: a terminal that is not in UTF-8 takes 0x80 to 0x9F as C1. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::core {

struct Utf8Character {
    static constexpr char32_t kInvalid = 0xffffffff;
    char32_t code = kInvalid;
    std::size_t size = 1;  // bytes; 1 for an invalid one
};
/// The first character of `text`, which is not empty.
Utf8Character first_character(std::string_view text);

/// The longest beginning of `text` that has at most `limit` bytes and ends with a whole character.
std::string_view whole_characters(std::string_view text, std::size_t limit);

/// A control, a line separator, a format character.
bool is_control(char32_t code);

/// `instead` takes the place of every control character. Pure ASCII without controls is returned as it is.
std::string printable(std::string_view text, char instead = '.');
/// The same for several lines: the controls in `kept` are not replaced.
std::string printable_lines(std::string_view text, std::string_view kept = "\n\t");
/// A JSON document with its control characters as \uXXXX, which means the same. Newlines between values are kept.
std::string printable_json(std::string_view json);

/// "\u202e": the form of JSON, two of them above U+FFFF.
std::string json_escape(char32_t code);

}  // namespace postern::core
