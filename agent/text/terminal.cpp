// SPDX-License-Identifier: Apache-2.0
#include "agent/text/terminal.h"

#include "agent/text/glyph_width.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace postern::agent {

namespace {

struct Glyph {
    std::size_t bytes = 1;
    std::size_t columns = 1;
};

/// One character at the front of `text`; an escape sequence counts as one character of width zero.
Glyph next_glyph(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    if (first == 0x1b) {
        std::size_t n = 1;
        while (n < text.size() && text[n] != 'm')
            ++n;
        return {std::min(n + 1, text.size()), 0};
    }
    const core::Utf8Character c = core::first_character(text);
    const std::size_t n = c.size;
    const char32_t code = c.code == core::Utf8Character::kInvalid ? 0xfffd : c.code;
    return {n, glyph_width(code)};
}

}  // namespace

bool colour_wanted() {
    const char* no_color = std::getenv("NO_COLOR");
    if (no_color != nullptr && *no_color != '\0') return false;
    const char* term = std::getenv("TERM");
    if (term == nullptr || std::string_view(term) == "dumb" || *term == '\0') return false;
    return ::isatty(STDOUT_FILENO) == 1;
}

std::size_t terminal_columns(std::size_t otherwise) {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return otherwise;
    return size.ws_col;
}

std::size_t terminal_rows(std::size_t otherwise) {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return otherwise;
    return size.ws_row;
}

std::string Paint::wrap(const char* code, std::string_view text) const {
    if (!on_ || text.empty()) return std::string(text);
    return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        const Glyph glyph = next_glyph(text);
        width += glyph.columns;
        text.remove_prefix(glyph.bytes);
    }
    return width;
}

std::string pad(std::string_view text, std::size_t width) {
    const std::size_t have = display_width(text);
    return std::string(text) + std::string(have < width ? width - have : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
    const std::size_t have = display_width(text);
    return std::string(have < width ? width - have : 0, ' ') + std::string(text);
}

std::string cut(std::string_view text, std::size_t width) {
    if (display_width(text) <= width) return std::string(text);
    std::size_t used = 0, bytes = 0;
    while (bytes < text.size()) {
        const Glyph glyph = next_glyph(text.substr(bytes));
        if (used + glyph.columns + 1 > width) break;
        used += glyph.columns;
        bytes += glyph.bytes;
    }
    return std::string(text.substr(0, bytes)) + "…";
}

namespace {

/// The beginning of a word, which must stay on one line. Chinese breaks between any two characters, except before a
/// closing mark and after an opening one.
std::string_view first_piece(std::string_view word) {
    constexpr std::string_view kCloses = "，。：；？！、）》」”", kOpens = "（《「“";
    Glyph before = next_glyph(word);
    std::size_t end = before.bytes;
    while (end < word.size()) {
        const Glyph next = next_glyph(word.substr(end));
        const auto last = word.substr(end - before.bytes, before.bytes), following = word.substr(end, next.bytes);
        const bool wide = before.columns > 1 || next.columns > 1;
        if (wide && kCloses.find(following) == std::string_view::npos && kOpens.find(last) == std::string_view::npos)
            break;
        end += next.bytes;
        before = next;
    }
    return word.substr(0, end);
}

}  // namespace

std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent) {
    std::string out;
    std::size_t column = indent;
    for (bool blank = false; !text.empty(); blank = text.starts_with(' ')) {
        if (blank) text.remove_prefix(1);
        const auto piece =
            text.empty() || text.front() == ' ' ? std::string_view() : first_piece(text.substr(0, text.find(' ')));
        const std::size_t wide = display_width(piece);
        if (column > indent && column + (blank ? 1 : 0) + wide > width) {
            out += '\n' + std::string(indent, ' ');
            column = indent;
        } else if (blank && column > indent) {
            out += ' ';
            ++column;
        }
        out += piece;
        column += wide;
        text.remove_prefix(piece.size());
    }
    return out;
}

}  // namespace postern::agent
