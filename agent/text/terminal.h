// SPDX-License-Identifier: Apache-2.0
// Terminal output: text width, colour, wrapping.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/printable.h"

namespace postern::agent {

/// stdout is a terminal, NO_COLOR is not set and TERM is not "dumb".
bool colour_wanted();
/// Columns of the terminal on stdout; `otherwise` if stdout is not a terminal.
std::size_t terminal_columns(std::size_t otherwise = 80);
std::size_t terminal_rows(std::size_t otherwise = 24);

/// Escape sequences, or nothing if off: `Paint(true).red("down")`.
class Paint {
  public:
    explicit Paint(bool on) : on_(on) {}
    std::string bold(std::string_view text) const { return wrap("1", text); }
    std::string dim(std::string_view text) const { return wrap("2", text); }
    std::string red(std::string_view text) const { return wrap("1;31", text); }
    std::string green(std::string_view text) const { return wrap("32", text); }
    std::string yellow(std::string_view text) const { return wrap("33", text); }
    std::string cyan(std::string_view text) const { return wrap("36", text); }

  private:
    std::string wrap(const char* code, std::string_view text) const;
    bool on_;
};

/// Columns that a UTF-8 text takes (escape sequences and combining marks zero, wide characters two).
std::size_t display_width(std::string_view text);
/// Padded with blanks to `width`; a longer text is returned unchanged.
std::string pad(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);
/// Cut to `width` with "…" at the end.
std::string cut(std::string_view text, std::size_t width);
/// Wrapped at blanks, and between Chinese characters, to `width`; every line but the first starts
/// with `indent` blanks.
std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent);

/// Text from outside is made safe for a terminal before it is padded, cut or coloured.
using core::printable;

}  // namespace postern::agent
