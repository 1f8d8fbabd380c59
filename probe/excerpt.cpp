// SPDX-License-Identifier: Apache-2.0
#include "probe/excerpt.h"

#include "core/secret.h"

namespace postern::probe {
namespace {

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// The length of the UTF-8 character at text[i], 0 if it is invalid. Overlong forms are accepted: they
/// are harmless here.
std::size_t character_length(std::string_view text, std::size_t i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t n = lead < 0x80                   ? 1
                          : lead >= 0xc2 && lead < 0xe0 ? 2
                          : lead >= 0xe0 && lead < 0xf0 ? 3
                          : lead >= 0xf0 && lead < 0xf5 ? 4
                                                        : 0;
    if (n == 0 || i + n > text.size()) return 0;
    for (std::size_t k = 1; k < n; ++k) {
        if (!is_continuation(text[i + k])) return 0;
    }
    return n;
}

/// The size of an incomplete character at the end of a cut text.
void drop_partial_character(std::string& text) {
    std::size_t at = text.size();
    while (at > 0 && text.size() - at < 3 && is_continuation(text[at - 1]))
        --at;
    if (at > 0 && static_cast<unsigned char>(text[at - 1]) >= 0xc0 && character_length(text, at - 1) == 0)
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
        const auto c = static_cast<unsigned char>(text[i]);
        const std::size_t n = character_length(text, i);
        const std::string_view character = n == 0                  ? std::string_view("?")
                                           : c < 0x20 || c == 0x7f ? std::string_view(" ")
                                                                   : std::string_view(text).substr(i, n);
        i += n == 0 ? 1 : n;
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

std::string detail_text(std::string_view text) {
    return excerpt(text, kDetailBytes);
}

}  // namespace postern::probe
