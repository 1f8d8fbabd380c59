// SPDX-License-Identifier: Apache-2.0
#include "probe/excerpt.h"

#include "core/printable.h"
#include "core/secret.h"

namespace postern::probe {
namespace {

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// The size of an incomplete character at the end of a cut text.
void drop_partial_character(std::string& text) {
    std::size_t at = text.size();
    while (at > 0 && text.size() - at < 3 && is_continuation(text[at - 1]))
        --at;
    if (at > 0 && static_cast<unsigned char>(text[at - 1]) >= 0xc0 &&
        core::first_character(std::string_view(text).substr(at - 1)).code == core::Utf8Character::kInvalid)
        text.resize(at - 1);
}

}  // namespace

std::string excerpt(std::string_view whole, std::size_t limit) {
    static constexpr std::string_view kCut = "…";
    static constexpr std::size_t kMaxCharacterBytes = 4;
    std::string text = core::redact(whole, limit + kMaxCharacterBytes);
    bool cut = whole.size() > limit + kMaxCharacterBytes;
    if (cut) drop_partial_character(text);
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const core::Utf8Character c = core::first_character(std::string_view(text).substr(i));
        const std::string_view character = c.code == core::Utf8Character::kInvalid ? std::string_view("?")
                                           : core::is_control(c.code)              ? std::string_view(" ")
                                                                      : std::string_view(text).substr(i, c.size);
        i += c.size;
        if (out.size() + character.size() > limit) {
            cut = true;
            break;
        }
        out += character;
    }
    if (!cut) return out;
    while (!out.empty() && out.size() + kCut.size() > limit) {
        while (out.size() > 1 && is_continuation(out.back()))
            out.pop_back();
        out.pop_back();
    }
    return out.append(limit >= kCut.size() ? kCut : std::string_view{});
}

}  // namespace postern::probe
