// Writing for people: columns as they look on a terminal, colour where it is wanted.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::agent {

/// stdout is a terminal, NO_COLOR is not set and TERM is not "dumb".
bool colour_wanted();
/// Columns of stdout's terminal; `otherwise` when it is none.
std::size_t terminal_columns(std::size_t otherwise = 80);
std::size_t terminal_rows(std::size_t otherwise = 24);

/// Escape sequences, or nothing: `Paint(true).red("down")`.
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

/// Columns that a UTF-8 text takes (escape sequences none, wide characters two).
std::size_t display_width(std::string_view text);
/// Filled with blanks to `width`; longer texts stay whole.
std::string pad(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);
/// Cut to `width` with "…" at the end.
std::string cut(std::string_view text, std::size_t width);
/// Broken at blanks, and between Chinese characters, to lines of `width`; every line but the first begins with `indent` blanks.
std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent);

/// Remote texts on a terminal: control characters and escape sequences become '.', so that they can't draw.
std::string printable(std::string_view text);

}  // namespace postern::agent
