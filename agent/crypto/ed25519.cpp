// SPDX-License-Identifier: Apache-2.0
#include "agent/crypto/ed25519.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>

#include "agent/crypto/digest.h"

namespace postern::agent {
namespace {

constexpr std::string_view kPublic = "ed25519:", kPrivate = "ed25519-private:";
constexpr std::size_t kKeyBytes = 32, kSignatureBytes = 64;

struct Free {
    void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
    void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

/// The 32 bytes in a key's text; "" if it is none.
std::string raw_of(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return {};
    auto raw = from_base64(text.substr(prefix.size()));
    return raw && raw->size() == kKeyBytes ? std::move(*raw) : std::string();
}

}  // namespace

std::optional<PublicKey> PublicKey::parse(std::string_view text) {
    std::string raw = raw_of(text, kPublic);
    if (raw.empty()) return std::nullopt;
    return PublicKey(std::move(raw));
}

std::string PublicKey::text() const {
    return std::string(kPublic) + to_base64(raw_);
}

bool PublicKey::verifies(std::string_view message, std::string_view signature) const {
    if (signature.size() != kSignatureBytes) return false;
    const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(raw_), raw_.size()));
    const Context context(EVP_MD_CTX_new());
    return key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) ==
               1;
}

std::optional<SigningKey> SigningKey::of_seed(std::string seed) {
    const Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size()));
    std::string raw(kKeyBytes, '\0');
    std::size_t size = raw.size();
    const bool known =
        key && EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) == 1;
    core::Secret kept(std::move(seed));
    if (!known || size != kKeyBytes) return std::nullopt;
    return SigningKey(std::move(kept), PublicKey::of_raw(std::move(raw)));
}

std::optional<SigningKey> SigningKey::make() {
    std::string seed(kKeyBytes, '\0');
    if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(seed.data()), static_cast<int>(seed.size())) != 1)
        return std::nullopt;
    return of_seed(std::move(seed));
}

std::optional<SigningKey> SigningKey::parse(std::string_view text) {
    std::string raw = raw_of(text, kPrivate);
    if (raw.empty()) return std::nullopt;
    return of_seed(std::move(raw));
}

core::Secret SigningKey::text() const {
    return core::Secret(std::string(kPrivate) + to_base64(seed_.expose()));
}

std::string SigningKey::sign(std::string_view message) const {
    const std::string& seed = seed_.expose();
    const Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size()));
    const Context context(EVP_MD_CTX_new());
    std::string out(kSignatureBytes, '\0');
    std::size_t size = out.size();
    const bool signed_it = key && context &&
                           EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                           EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                          bytes_of(message), message.size()) == 1;
    return signed_it ? out : std::string();
}

}  // namespace postern::agent
