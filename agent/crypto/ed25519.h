// SPDX-License-Identifier: Apache-2.0
// Ed25519 signatures (RFC 8032) and the text forms of their keys. Pure, except for make(); any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/secret.h"

namespace postern::agent {

/// "ed25519:" and the 32 bytes of the key in base64.
class PublicKey {
  public:
    /// nullopt for any other text.
    static std::optional<PublicKey> parse(std::string_view text);
    static PublicKey of_raw(std::string raw) { return PublicKey(std::move(raw)); }

    std::string text() const;
    /// `signature`: 64 raw bytes; false for anything else.
    bool verifies(std::string_view message, std::string_view signature) const;
    bool operator==(const PublicKey&) const = default;
    auto operator<=>(const PublicKey&) const = default;  // NOLINT(modernize-use-nullptr)

  private:
    explicit PublicKey(std::string raw) : raw_(std::move(raw)) {}
    std::string raw_;  // 32 bytes
};

class SigningKey {
  public:
    /// Of OpenSSL's random numbers. nullopt: it has none.
    static std::optional<SigningKey> make();
    /// "ed25519-private:" and the 32 bytes of the seed in base64; nullopt for any other text.
    static std::optional<SigningKey> parse(std::string_view text);

    /// For the key's file alone.
    core::Secret text() const;
    PublicKey public_key() const { return public_; }
    /// 64 raw bytes.
    std::string sign(std::string_view message) const;

  private:
    SigningKey(core::Secret seed, PublicKey key) : seed_(std::move(seed)), public_(std::move(key)) {}
    static std::optional<SigningKey> of_seed(std::string seed);
    core::Secret seed_;  // 32 bytes
    PublicKey public_;
};

}  // namespace postern::agent
