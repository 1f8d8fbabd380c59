// SPDX-License-Identifier: Apache-2.0
// The short lists of algorithms must have all that a server can use: every key type of a certificate, and every suite
// that OpenSSL offers by default. The server of these tests uses OpenSSL's complete default context.
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/deleter.h"
#include "probe/tls_library.h"
#include "tests/unit/catch.h"

using namespace postern;

namespace {

using core::Deleter;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Deleter<SSL_free>>;

Key make_key(const std::string& type) {
    if (type == "P-256" || type == "P-384" || type == "P-521") return Key(EVP_EC_gen(type.c_str()));
    if (type == "RSA" || type == "RSA-PSS") {
        const std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>> maker(
            EVP_PKEY_CTX_new_from_name(nullptr, type.c_str(), nullptr));
        EVP_PKEY* key = nullptr;
        REQUIRE(EVP_PKEY_keygen_init(maker.get()) == 1);
        REQUIRE(EVP_PKEY_CTX_set_rsa_keygen_bits(maker.get(), 2048) == 1);
        REQUIRE(EVP_PKEY_generate(maker.get(), &key) == 1);
        return Key(key);
    }
    return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, type.c_str()));
}

/// One key of each type for all tests: generating RSA keys takes long.
EVP_PKEY* key_of(const std::string& type) {
    static std::map<std::string, Key> made;
    Key& key = made[type];
    if (!key) key = make_key(type);
    REQUIRE(key);
    return key.get();
}

Certificate self_signed(EVP_PKEY* key, const EVP_MD* digest) {
    Certificate certificate(X509_new());
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key);
    REQUIRE(X509_sign(certificate.get(), key, digest) > 0);
    return certificate;
}

/// A handshake in memory that verifies the self-signed certificate; returns what was negotiated.
std::string agreed(const std::string& type, const EVP_MD* digest, int version, const std::string& suite) {
    EVP_PKEY* key = key_of(type);
    const Certificate certificate = self_signed(key, digest);
    const Context server(SSL_CTX_new(TLS_server_method())),
        client(SSL_CTX_new_ex(probe::tls_library(), nullptr, TLS_client_method()));
    SSL_CTX_use_certificate(server.get(), certificate.get());
    SSL_CTX_use_PrivateKey(server.get(), key);
    SSL_CTX_set_max_proto_version(server.get(), version);
    SSL_CTX_set_dh_auto(server.get(), 1);
    if (version == TLS1_3_VERSION) {
        REQUIRE(SSL_CTX_set_ciphersuites(server.get(), suite.c_str()) == 1);
    } else {
        REQUIRE(SSL_CTX_set_cipher_list(server.get(), suite.c_str()) == 1);
    }
    X509_STORE_add_cert(SSL_CTX_get_cert_store(client.get()), certificate.get());
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(client.get()), X509_V_FLAG_CHECK_SS_SIGNATURE);
    const Ssl asks(SSL_new(client.get())), answers(SSL_new(server.get()));
    BIO *left = nullptr, *right = nullptr;
    REQUIRE(BIO_new_bio_pair(&left, 0, &right, 0) == 1);
    SSL_set_bio(asks.get(), left, left);
    SSL_set_bio(answers.get(), right, right);
    SSL_set_connect_state(asks.get());
    SSL_set_accept_state(answers.get());
    for (int turn = 0; turn < 20; ++turn) {
        const bool done = SSL_do_handshake(asks.get()) == 1;
        if (SSL_do_handshake(answers.get()) == 1 && done) break;
    }
    char back[8] = {};
    if (SSL_write(answers.get(), "answer", 6) != 6 || SSL_read(asks.get(), back, 6) != 6) return "no handshake";
    if (SSL_get_verify_result(asks.get()) != X509_V_OK)
        return X509_verify_cert_error_string(SSL_get_verify_result(asks.get()));
    return SSL_get_cipher_name(asks.get());
}

}  // namespace

TEST_CASE("TLS library: it is not OpenSSL's default context", "[tls]") {
    CHECK(probe::tls_library() != nullptr);
}

TEST_CASE("TLS library: certificates of every key type of TLS are read and their signatures verified", "[tls]") {
    for (const char* type : {"RSA", "RSA-PSS", "P-256", "P-384", "P-521", "ED25519", "ED448"}) {
        const bool edwards = std::string_view(type).substr(0, 2) == "ED";
        CAPTURE(type);
        CHECK(agreed(type, edwards ? nullptr : EVP_sha256(), TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384") ==
              "TLS_AES_256_GCM_SHA384");
    }
    for (const EVP_MD* digest : {EVP_sha1(), EVP_sha224(), EVP_sha384(), EVP_sha512()}) {
        // SHA-1 is below the default security level, but the signature of a trust anchor is not checked.
        CHECK(agreed("RSA", digest, TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256") == "TLS_AES_128_GCM_SHA256");
    }
}

TEST_CASE("TLS library: every default suite of OpenSSL can be negotiated", "[tls]") {
    const Context plain(SSL_CTX_new(TLS_client_method())),
        ours(SSL_CTX_new_ex(probe::tls_library(), nullptr, TLS_client_method()));
    STACK_OF(SSL_CIPHER)* suites = SSL_CTX_get_ciphers(plain.get());
    CHECK(sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(ours.get())) == sk_SSL_CIPHER_num(suites));
    int tried = 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(suites); ++i) {
        const SSL_CIPHER* suite = sk_SSL_CIPHER_value(suites, i);
        const std::string name = SSL_CIPHER_get_name(suite);
        const bool new_one = std::string_view(SSL_CIPHER_get_version(suite)) == "TLSv1.3";
        const int auth = SSL_CIPHER_get_auth_nid(suite), exchange = SSL_CIPHER_get_kx_nid(suite);
        if (!new_one && ((auth != NID_auth_rsa && auth != NID_auth_ecdsa) ||
                         (exchange != NID_kx_rsa && exchange != NID_kx_ecdhe && exchange != NID_kx_dhe))) {
            continue;  // pre-shared keys and passwords
        }
        CAPTURE(name);
        CHECK(agreed(auth == NID_auth_ecdsa ? "P-256" : "RSA", EVP_sha256(), new_one ? TLS1_3_VERSION : TLS1_2_VERSION,
                     name) == name);
        ++tried;
    }
    CHECK(tried >= 3 + 16);
}
