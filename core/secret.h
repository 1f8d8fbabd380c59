// SPDX-License-Identifier: Apache-2.0
// Tokens and keys. A Secret is a handle: its copies, and secrets of the same text, share one place in memory, which is
// wiped with the last of them. It has no stream or format operator, so that it can't be printed by accident. redact()
// knows every live secret; logs, error texts and pages pass through it. Any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace postern::core {

class Secret {
  public:
    Secret() = default;
    /// Takes the text over: the argument is wiped. (A caller's own string keeps its bytes unless it is moved.)
    explicit Secret(std::string value);

    bool empty() const { return !kept_; }
    /// Only to send or sign with: borrow it, as each copy has to be wiped (wipe, Wiped).
    const std::string& expose() const;
    /// The same, percent-encoded.
    const std::string& expose_encoded() const;
    bool operator==(const Secret& other) const { return kept_ == other.kept_; }

  private:
    friend std::string redact(std::string_view text, std::size_t size);
    struct Kept;
    std::shared_ptr<const Kept> kept_;  // nullptr: empty
};

/// Overwrites the text with zeros, and empties it. Its earlier buffers are not reached: reserve() what it will hold.
void wipe(std::string& text);

/// Wipes a text that holds a secret when the scope ends.
class Wiped {
  public:
    explicit Wiped(std::string& text) : text_(text) {}
    ~Wiped() { wipe(text_); }
    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;

  private:
    std::string& text_;
};

/// `text` with every live secret of 6 bytes or more, raw or percent-encoded, replaced by "***".
std::string redact(std::string_view text);
/// The first characters of `text`, `size` bytes at most, redacted. To shorten a text use this: redact(text.substr(0, size)) would leave
/// the beginning of a secret that crosses the cut.
std::string redact(std::string_view text, std::size_t size);

/// RFC 3986: every byte other than A-Z a-z 0-9 - _ . ~ as %XX.
std::string percent_encode(std::string_view raw);

}  // namespace postern::core
