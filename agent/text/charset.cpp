// SPDX-License-Identifier: Apache-2.0
#include "agent/text/charset.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "agent/text/glyph_width.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {

namespace {

class Converter {
  public:
    explicit Converter(const std::string& charset) : handle_(::iconv_open(charset.c_str(), "UTF-8")) {}
    ~Converter() {
        if (works()) ::iconv_close(handle_);
    }
    Converter(const Converter&) = delete;
    Converter& operator=(const Converter&) = delete;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): iconv_open(3) says so
    bool works() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

    /// False if the charset does not have the character.
    bool add(std::string_view character, std::string& out) {
        std::array<char, 16> buffer;
        std::string in(character);
        char* from = in.data();
        char* to = buffer.data();
        std::size_t left = in.size(), room = buffer.size();
        if (::iconv(handle_, &from, &left, &to, &room) != 0 || left != 0) {
            ::iconv(handle_, nullptr, nullptr, nullptr, nullptr);
            return false;
        }
        out.append(buffer.data(), buffer.size() - room);
        return true;
    }

  private:
    iconv_t handle_;
};

struct Form {
    std::string_view character, ascii, narrow;  // narrow: one column
    bool of_text = false;                       // a mark of Chinese text, too, where it may be wide
};

constexpr Form kForms[] = {
    {"…", "...", ".", true}, {"—", "-", "-", true},   {"‘", "'", "'", true}, {"’", "'", "'", true},
    {"“", "\"", "\"", true}, {"”", "\"", "\"", true}, {"→", "->", ">"},      {"←", "<-", "<"},
    {"–", "-", "-"},         {"×", "x", "x"},         {"·", "-", "-"},       {"•", "*", "*"},
    {"≥", ">=", ">"},        {"≤", "<=", "<"},        {"✓", "ok", "+"},      {"✕", "x", "x"},
    {"✗", "x", "x"},         {"µ", "u", "u"},         {"●", "*", "*"},       {"○", "o", "o"},
    {"▲", "!", "!"},         {"│", "|", "|"},         {"─", "-", "-"},       {"■", "#", "#"},
    {"□", "-", "-"},         {"░", ".", "."},         {"▒", ":", ":"},       {"▓", "+", "+"},
    {"█", "#", "#"},         {"▄", "=", "="}};

const Form* ascii_for(std::string_view character) {
    const auto* form =
        std::find_if(std::begin(kForms), std::end(kForms), [&](const Form& f) { return f.character == character; });
    return form == std::end(kForms) ? nullptr : form;
}

constexpr std::size_t kTerminal = 80;  // columns

/// A line in the charset; nullopt if its columns would have moved, or it would not fit into a terminal any more, which
/// `narrow` prevents.
std::optional<std::string> line_in(std::string_view utf8, Converter& converter, bool ascii, bool narrow) {
    std::string out;
    std::size_t wider = 0;    // columns, since the last padding
    std::size_t columns = 0;  // of the line as it was
    bool escape = false;
    while (!utf8.empty()) {
        if (const auto blanks = std::min(utf8.find_first_not_of(' '), utf8.size()); blanks > 1) {
            const std::size_t less = std::min(wider, blanks - 1);
            wider -= less;
            out.append(blanks - less, ' ');
            utf8.remove_prefix(blanks);
            columns += blanks;
            if (wider > 0 && !utf8.empty() && !narrow) return std::nullopt;
            continue;
        }
        const core::Utf8Character first = core::first_character(utf8);
        const std::string_view character = utf8.substr(0, first.size);
        utf8.remove_prefix(first.size);
        if (first.size == 1 && static_cast<unsigned char>(character[0]) < 0x80) {
            out += character;
            escape = escape || character[0] == '\033';
            if (!escape) ++columns;
            if (character[0] == 'm') escape = false;
            continue;
        }
        const std::size_t before = first.code == core::Utf8Character::kInvalid ? 1 : glyph_width(first.code);
        const Form* form = ascii_for(character);
        std::string shown;
        columns += before;
        // Two bytes of a charset of East Asia take two columns.
        const bool has = converter.works() && converter.add(character, shown);
        const bool fits = shown.size() != 2 || before == 2;
        if (has && (fits || form == nullptr || (form->of_text && !narrow))) {
            if (!fits) ++wider;
        } else if (form != nullptr) {
            shown = narrow ? form->narrow : form->ascii;
            wider += shown.size() - 1;
        } else if (ascii && first.code != core::Utf8Character::kInvalid) {
            shown = character;  // the terminal may take UTF-8 all the same
        } else {
            shown.assign(std::max<std::size_t>(before, 1), '?');
        }
        out += shown;
    }
    if (!narrow && columns <= kTerminal && columns + wider > kTerminal) return std::nullopt;
    return out;
}

}  // namespace

std::string terminal_charset(const std::function<std::string(const std::string&)>& environment) {
    std::string locale;
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        if (!locale.empty()) break;
        locale = environment(name);
    }
    std::string charset;
    if (const auto dot = locale.find('.'); dot != std::string::npos) {
        charset = locale.substr(dot + 1);
        charset = charset.substr(0, charset.find('@'));
    }
    const std::string language = locale.substr(0, locale.find_first_of(".@"));
    if (charset.empty()) {
        if (language.empty() || language == "C" || language == "POSIX") return "ASCII";
        if (language == "zh_CN") return "GB2312";
        return language == "zh_TW" || language == "zh_HK" ? "BIG5" : "";
    }
    const std::string plain = core::lowered(charset);
    if (plain == "utf-8" || plain == "utf8") return "";
    return Converter(charset).works() ? charset : "ASCII";
}

bool can_show_chinese(const std::string& charset) {
    if (charset.empty()) return true;
    Converter converter(charset);
    std::string out;
    return converter.works() && converter.add("中", out);
}

std::string in_charset(std::string_view utf8, const std::string& charset) {
    if (charset.empty()) return std::string(utf8);
    Converter converter(charset);
    if (!converter.works() && charset != "ASCII") return std::string(utf8);
    std::string out;
    while (!utf8.empty()) {
        const auto end = std::min(utf8.find('\n'), utf8.size());
        const std::string_view line = utf8.substr(0, end);
        const auto shown = line_in(line, converter, charset == "ASCII", false);
        out += shown ? *shown : *line_in(line, converter, charset == "ASCII", true);
        if (end < utf8.size()) out += '\n';
        utf8.remove_prefix(std::min(end + 1, utf8.size()));
    }
    return out;
}

}  // namespace postern::agent
