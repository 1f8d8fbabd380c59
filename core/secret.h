// SPDX-License-Identifier: Apache-2.0
// Tokens and keys. A Secret has no stream or format operator, so that it can't be printed by accident, and
// its destructor wipes the bytes. redact() knows every live Secret; logs, error texts and pages pass through
// it. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace postern::core {

class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string value);
    Secret(const Secret& other) : Secret(other.value_) {}
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret other) noexcept;
    ~Secret();

    bool empty() const { return value_.empty(); }
    /// Only to send or sign with.
    const std::string& expose() const { return value_; }
    bool operator==(const Secret& other) const { return value_ == other.value_; }

  private:
    std::string value_;
};

/// `text` with every live secret of 6 bytes or more, raw or percent-encoded, replaced by "***".
std::string redact(std::string_view text);
/// The first characters of `text`, `size` bytes at most, redacted. To shorten a text use this: redact(text.substr(0, size)) would leave
/// the beginning of a secret that crosses the cut.
std::string redact(std::string_view text, std::size_t size);

/// RFC 3986: every byte other than A-Z a-z 0-9 - _ . ~ as %XX.
std::string percent_encode(std::string_view raw);

}  // namespace postern::core
