// SPDX-License-Identifier: Apache-2.0
// Small written forms that every folder needs: letters in lower case, blanks removed at both ends, bytes as hex, a list
// with commas, a duration in milliseconds. ASCII only, independent of the locale; pure.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include "core/bytes.h"
#include "core/clock.h"

namespace postern::core {

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string lowered(std::string_view text);
/// The same but for the case of letters.
bool same_word(std::string_view a, std::string_view b);

std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\r\n");

/// Lower-case digits, two a byte.
std::string hex(ByteView bytes);

/// "12.3"
std::string in_ms(Micros us);
/// "12.3 ms"
std::string milliseconds(Micros us);

/// `text` of each item, with ", " between them; "" for none.
template <class List, std::invocable<const typename List::value_type&> Text>
std::string joined(const List& list, Text text, std::string_view between = ", ") {
    std::string out;
    bool first = true;
    for (const auto& item : list) {
        if (!std::exchange(first, false)) out += between;
        out += text(item);
    }
    return out;
}
template <class List>
std::string joined(const List& words, std::string_view between = ", ") {
    return joined(
        words, [](std::string_view word) { return word; }, between);
}

/// Appends `item` to such a list.
void add_item(std::string& list, std::string_view item);

}  // namespace postern::core
