// Tokens and keys. A Secret has no stream or format operator, so it can't be printed by accident, and its bytes are
// wiped when it goes. Every live Secret is known to redact(), the last net under log lines, error texts and pages.
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
    /// For the one place that puts it on the wire or into a signature.
    const std::string& expose() const { return value_; }
    bool operator==(const Secret& other) const { return value_ == other.value_; }

  private:
    std::string value_;
};

/// `text` with every live secret of 6 bytes or more, raw or percent-encoded, replaced by "***".
std::string redact(std::string_view text);
/// The same of the first `size` bytes. Who shortens a text does it so: a secret that begins in them is gone whole, where
/// cutting first would leave a part of it that nobody knows any more.
std::string redact(std::string_view text, std::size_t size);

/// RFC 3986: everything but A-Z a-z 0-9 - _ . ~ as %XX.
std::string percent_encode(std::string_view raw);

}  // namespace postern::core
