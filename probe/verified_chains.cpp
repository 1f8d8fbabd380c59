// SPDX-License-Identifier: Apache-2.0
#include "probe/verified_chains.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <algorithm>

#include "probe/certificate.h"

namespace postern::probe {
namespace {

constexpr std::size_t kMaxChains = 64;

/// The name and the digests of the certificates from the server; "" when out of memory.
std::string key_of(X509_STORE_CTX* context, const std::string& name) {
    std::string key = name;
    const STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(context);
    for (int i = 0; i < sk_X509_num(sent); ++i) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        if (X509_digest(sk_X509_value(sent, i), EVP_sha256(), digest, &size) != 1) return {};
        key += '\0';
        key.append(reinterpret_cast<const char*>(digest), size);
    }
    return key;
}

}  // namespace

VerifiedChains::Info VerifiedChains::verify(x509_store_ctx_st* context, const std::string& name,
                                            core::Micros now_wall_us) {
    const std::string key = key_of(context, name);
    if (const auto it = known_.find(key); it != known_.end()) {
        const auto& [not_before_us, info] = it->second;
        if (not_before_us <= now_wall_us && now_wall_us < info->chain_not_after_us) {
            X509_STORE_CTX_set_error(context, X509_V_OK);
            return info;
        }
        known_.erase(it);
    }
    if (X509_verify_cert(context) != 1 || X509_STORE_CTX_get_error(context) != X509_V_OK) return nullptr;
    const STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context);
    auto info = std::make_shared<const CertificateInfo>(describe_certificate(X509_STORE_CTX_get0_cert(context), path));
    if (key.empty()) return info;
    core::Micros not_before_us = 0;
    for (int i = 0; i < sk_X509_num(path); ++i) {
        not_before_us = std::max(not_before_us, describe_certificate(sk_X509_value(path, i), nullptr).not_before_us);
    }
    if (known_.size() >= kMaxChains) known_.clear();
    known_.emplace(key, Known{not_before_us, info});
    return info;
}

}  // namespace postern::probe
