// SPDX-License-Identifier: Apache-2.0
#include "core/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace postern::core {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Range {
    char32_t first, last;
};
/// Unicode 15: categories Cc, Cf, Zl and Zp, and the tags, which are invisible.
constexpr Range kControls[] = {
    {0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},       {0x600, 0x605},     {0x61c, 0x61c},
    {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},     {0x8e2, 0x8e2},     {0x180e, 0x180e},
    {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},   {0xfeff, 0xfeff},   {0xfff9, 0xfffb},
    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0xe007f},
};

bool is_plain(char c) {
    return c >= 0x20 && c < 0x7f;
}

template <class Control>
std::string filtered(std::string_view text, Control control) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Utf8Character c = first_character(text);
        if (c.code == Utf8Character::kInvalid) {
            out += kReplacement;
        } else if (is_control(c.code)) {
            control(c.code, out);
        } else {
            out += text.substr(0, c.size);
        }
        text.remove_prefix(c.size);
    }
    return out;
}

}  // namespace

Utf8Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t n = lead >= 0xc2 && lead < 0xe0   ? 2
                          : lead >= 0xe0 && lead < 0xf0 ? 3
                          : lead >= 0xf0 && lead < 0xf5 ? 4
                                                        : 0;
    if (n == 0 || n > text.size()) return {};
    char32_t code = lead & (0xffu >> (n + 1));
    for (std::size_t k = 1; k < n; ++k) {
        if ((byte(k) & 0xc0) != 0x80) return {};
        code = code << 6 | (byte(k) & 0x3fu);
    }
    // Longer than needed, a surrogate, beyond Unicode.
    if ((n == 3 && code < 0x800) || (n == 4 && code < 0x10000) || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
        return {};
    return {code, n};
}

std::string_view whole_characters(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    // At most three bytes belong to the character that the limit cuts; bytes that are no text are cut anywhere.
    for (std::size_t at = limit; at > 0 && limit - at < 4; --at) {
        const auto lead = static_cast<unsigned char>(text[at]);
        if ((lead & 0xc0) != 0x80) return text.substr(0, at);
    }
    return text.substr(0, limit);
}

bool is_control(char32_t code) {
    const auto after = std::upper_bound(std::begin(kControls), std::end(kControls), code,
                                        [](char32_t c, const Range& r) { return c < r.first; });
    return after != std::begin(kControls) && code <= std::prev(after)->last;
}

std::string printable(std::string_view text, char instead) {
    if (std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
    return filtered(text, [instead](char32_t, std::string& out) { out += instead; });
}

std::string printable_lines(std::string_view text, std::string_view kept) {
    return filtered(text, [kept](char32_t code, std::string& out) {
        const bool keep = code < 0x80 && kept.find(static_cast<char>(code)) != std::string_view::npos;
        out += keep ? static_cast<char>(code) : '.';
    });
}

std::string printable_json(std::string_view json) {
    return filtered(json, [](char32_t code, std::string& out) {
        if (code == '\n') {
            out += '\n';
        } else {
            out += json_escape(code);
        }
    });
}

std::string json_escape(char32_t code) {
    if (code < 0x10000) return fmt::format("\\u{:04x}", static_cast<unsigned>(code));
    const auto rest = static_cast<unsigned>(code) - 0x10000;
    return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
}

}  // namespace postern::core
