// SPDX-License-Identifier: Apache-2.0
#include "agent/net/certificate_name.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <new>

namespace postern::agent {
namespace {

void free_host(void*, void* host, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<std::string*>(host);
}

/// The SSL_CTX owns the name: a connection that is kept may verify again when its request has ended.
int host_index() {
    static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_host);
    return kIndex;
}

bool names(X509* leaf, const std::string& host) {
    return X509_check_ip_asc(leaf, host.c_str(), 0) == 1 ||
           X509_check_host(leaf, host.data(), host.size(), 0, nullptr) == 1;
}

/// Called by OpenSSL instead of X509_verify_cert().
int verify(X509_STORE_CTX* store, void* host) {
    const int accepted = X509_verify_cert(store);
    if (accepted == 1) return 1;
    X509* leaf = X509_STORE_CTX_get0_cert(store);
    if (leaf != nullptr && !names(leaf, *static_cast<std::string*>(host)))
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return accepted;
}

}  // namespace

bool check_name_of_refused(void* ssl_ctx, const std::string& host) {
    auto* ctx = static_cast<SSL_CTX*>(ssl_ctx);
    auto* kept = new (std::nothrow) std::string(host);
    if (kept == nullptr) return false;
    if (SSL_CTX_set_ex_data(ctx, host_index(), kept) != 1) {
        delete kept;
        return false;
    }
    SSL_CTX_set_cert_verify_callback(ctx, verify, kept);
    return true;
}

}  // namespace postern::agent
