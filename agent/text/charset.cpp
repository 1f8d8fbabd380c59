// SPDX-License-Identifier: Apache-2.0
#include "agent/text/charset.h"

#include <iconv.h>

#include <array>
#include <cerrno>
#include <utility>

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

std::string_view ascii_for(std::string_view character) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kForms = {
        std::pair<std::string_view, std::string_view>{"…", "..."},
        {"→", "->"},
        {"←", "<-"},
        {"–", "-"},
        {"—", "-"},
        {"‘", "'"},
        {"’", "'"},
        {"“", "\""},
        {"”", "\""},
        {"×", "x"},
        {"·", "-"},
        {"•", "*"},
        {"≥", ">="},
        {"≤", "<="},
        {"✓", "ok"},
        {"µ", "u"}};
    for (const auto& [wide, plain] : kForms) {
        if (wide == character) return plain;
    }
    return "?";
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
        const auto size = core::first_character(utf8).size;
        const std::string_view character = utf8.substr(0, size);
        utf8.remove_prefix(size);
        if (size == 1 && static_cast<unsigned char>(character[0]) < 0x80)
            out += character;
        else if (!converter.works() || !converter.add(character, out))
            out += ascii_for(character);
    }
    return out;
}

}  // namespace postern::agent
