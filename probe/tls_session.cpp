// SPDX-License-Identifier: Apache-2.0
#include "probe/tls_session.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "core/file_system.h"
#include "core/loop.h"
#include "core/text.h"
#include "core/trust_store.h"
#include "core/wipe.h"
#include "probe/certificate.h"
#include "probe/detail.h"
#include "probe/excerpt.h"
#include "probe/tls_library.h"

namespace postern::probe {
namespace {

// RFC 9525 2: a name in the subject is none.
constexpr unsigned kNameFlags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
constexpr std::size_t kReadBuffer = 16384;  // the maximum size of a record

std::string openssl_error() {
    const unsigned long code = ERR_peek_last_error();
    if (code == 0) return "unknown error";
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : fmt::format("OpenSSL error {:#x}", code);
}

bool ran_out_of_memory() {
    const unsigned long code = ERR_peek_last_error();
    return code != 0 && ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
}

Reason reason_for(long verify_result) {
    switch (verify_result) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return Reason::kCertExpired;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return Reason::kCertNotYetValid;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return Reason::kCertNameMismatch;
        case X509_V_ERR_OUT_OF_MEM:
            return Reason::kLocalOom;
        default:
            return Reason::kCertUntrusted;
    }
}

bool names(X509* leaf, const std::string& name) {
    return X509_check_ip_asc(leaf, name.c_str(), 0) == 1 ||
           X509_check_host(leaf, name.data(), name.size(), kNameFlags, nullptr) == 1;
}

// What SSL_CTX_add_custom_ext() takes: any type that OpenSSL itself does not know, so not padding (RFC 7685).
constexpr unsigned kGrease = 0x1a1a;
constexpr std::array<unsigned char, 1400> kFill{};
constexpr std::size_t kHybridShare = 1216;

template <std::size_t SIZE>
int add_fill(SSL*, unsigned, unsigned, const unsigned char** out, std::size_t* size, X509*, std::size_t, int*, void*) {
    *out = kFill.data();
    *size = SIZE;
    return 1;
}

}  // namespace

/// Called by OpenSSL instead of X509_verify_cert(). judge() reads the result from `store`.
int TlsSession::verify(X509_STORE_CTX* store, void* chains) {
    const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* self = static_cast<TlsSession*>(SSL_get_app_data(ssl));
    self->verified_ = static_cast<VerifiedChains*>(chains)->verify(store, self->server_name_, core::now_wall_us());
    if (!self->verified_) self->fault_ = describe_certificate(X509_STORE_CTX_get_current_cert(store), nullptr);
    return self->verified_ ? 1 : 0;
}

core::Result<std::shared_ptr<const TlsContext>> TlsContext::load(const std::string& ca_file) {
    ERR_clear_error();
    auto context = std::shared_ptr<TlsContext>(new TlsContext);
    context->context_ = SSL_CTX_new_ex(tls_library(), nullptr, TLS_client_method());
    if (context->context_ == nullptr)
        return core::fail(core::Code::kInternal, core::message("no TLS context: {}", openssl_error()));
    SSL_CTX* ctx = context->context_;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);  // judge() decides; see the header
    SSL_CTX_set_cert_verify_callback(ctx, TlsSession::verify, &context->chains_);
    // The cheapest group for both sides comes first; a server may still choose another one.
    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
    // Every probe does a full handshake: no tickets, no session cache. A reply that repeats the token stays nowhere.
    SSL_CTX_set_options(
        ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    // As curl does: an intermediate CA in ca_file is a trust anchor.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    if (ca_file.empty()) {
        // What can't be read has no certificate: every server is untrusted then, and a later change is noticed.
        const core::TrustStore store = core::system_trust_store();
        if (!store.file.empty()) SSL_CTX_load_verify_file(ctx, store.file.c_str());
        if (!store.directory.empty()) SSL_CTX_load_verify_dir(ctx, store.directory.c_str());
        ERR_clear_error();
        return context;
    }
    // Read it first to get the errno: OpenSSL reports a missing file with several codes of its own.
    const auto text = core::read_file(ca_file, 16u << 20);
    if (!text) return core::fail(text.error());
    if (SSL_CTX_load_verify_file(ctx, ca_file.c_str()) != 1) {
        return core::fail(core::Code::kFileCorrupt,
                          core::message("{}: no CA certificate: {}", ca_file, openssl_error()),
                          "ca_file must hold PEM certificates");
    }
    return context;
}

std::shared_ptr<const TlsContext> TlsContext::for_hello(HelloSize size) {
    ERR_clear_error();
    auto context = std::shared_ptr<TlsContext>(new TlsContext);
    // OpenSSL's own library: tls_library() does not have the hybrid group.
    SSL_CTX* ctx = context->context_ = SSL_CTX_new(TLS_client_method());
    if (ctx == nullptr) return nullptr;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    const bool hybrid =
        size == HelloSize::kLarge && SSL_CTX_set1_groups_list(ctx, "X25519MLKEM768:X25519:P-256:P-384") == 1;
    if (!hybrid && SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1) return nullptr;
    if (size == HelloSize::kSmall) return context;
    const auto fill = hybrid ? add_fill<kFill.size() - kHybridShare> : add_fill<kFill.size()>;
    const bool filled =
        SSL_CTX_add_custom_ext(ctx, kGrease, SSL_EXT_CLIENT_HELLO, fill, nullptr, nullptr, nullptr, nullptr) == 1;
    return filled ? context : nullptr;
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

std::unique_ptr<TlsSession> TlsSession::create(const TlsContext& context, const std::string& server_name) {
    ERR_clear_error();
    auto session = std::unique_ptr<TlsSession>(new TlsSession);
    session->ssl_ = SSL_new(context.raw());
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    if (session->ssl_ == nullptr || in == nullptr || out == nullptr) {
        BIO_free(in);
        BIO_free(out);
        return nullptr;
    }
    session->in_ = in;
    session->out_ = out;
    SSL_set_bio(session->ssl_, in, out);
    SSL_set_connect_state(session->ssl_);
    SSL_set_app_data(session->ssl_, session.get());
    std::string name = server_name;
    if (!name.empty() && name.back() == '.') name.pop_back();
    session->server_name_ = name;
    SSL_set_hostflags(session->ssl_, kNameFlags);
    if (SSL_set1_host(session->ssl_, name.c_str()) != 1) return nullptr;  // checks an IP address as such
    // RFC 6066 3: no IP addresses in SNI.
    if (!core::IpAddress::parse(name) && SSL_set_tlsext_host_name(session->ssl_, name.c_str()) != 1) return nullptr;
    return session;
}

TlsSession::~TlsSession() {
    SSL_free(ssl_);
}

bool TlsSession::feed(core::ByteView bytes) {
    constexpr std::string_view kHttp = "HTTP/";
    if (!any_fed_) plain_http_ = core::as_text(bytes).starts_with(kHttp);
    any_fed_ = true;
    return bytes.empty() ||
           BIO_write(in_, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
}

TlsSession::Step TlsSession::classify(int result) {
    const int error = SSL_get_error(ssl_, result);
    switch (error) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return Step::kMore;
        case SSL_ERROR_ZERO_RETURN:
            return Step::kClosed;
        default:
            break;
    }
    error_ = plain_http_ ? "plain HTTP: this port does not speak TLS" : openssl_error();
    if (ran_out_of_memory()) return Step::kNoMemory;
    const unsigned long code = ERR_peek_last_error();
    // Alerts from the peer have the reasons 1000 + number of the alert.
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET) return Step::kAlert;
    return Step::kProtocol;
}

TlsSession::Step TlsSession::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    return result == 1 ? Step::kDone : classify(result);
}

TlsSession::Judgement TlsSession::judge() {
    X509* leaf = SSL_get0_peer_certificate(ssl_);
    if (leaf == nullptr) return {Reason::kCertUntrusted, differs("a certificate", "none from the server")};
    if (verified_) {
        trusted_ = true;
        return {};
    }
    const long verified = SSL_get_verify_result(ssl_);
    Reason reason = reason_for(verified);
    // OpenSSL stops at a chain without a known end, and does not look at the name.
    const bool also_untrusted = reason == Reason::kCertUntrusted && !names(leaf, server_name_);
    if (also_untrusted) reason = Reason::kCertNameMismatch;
    const CertificateInfo info = certificate();
    const std::string why = X509_verify_cert_error_string(verified);
    std::string list;
    for (const std::string& name : info.names)
        core::add_item(list, excerpt(name, 64));
    const core::Message found = list.empty()
                                    ? core::message("no name ({}, where names do not count)", excerpt(info.subject, 96))
                                    : core::Message(list);
    // The certificate at fault need not be the leaf.
    const core::Message whose =
        fault_.fingerprint_sha256 == info.fingerprint_sha256
            ? core::message("leaf {}", excerpt(info.subject, 96))
            : core::message("{}, above leaf {}", excerpt(fault_.subject, 96), excerpt(info.subject, 96));
    switch (reason) {
        case Reason::kCertNameMismatch:
            return {reason, differs(core::message("a certificate for {}", server_name_),
                                    also_untrusted ? core::message("one for {}, not trusted either: {}", found, why)
                                                   : core::message("one for {}", found))};
        case Reason::kCertExpired:
            return {reason, differs("a certificate valid now",
                                    core::message("one that ended {} ({}, {})", core::format_time(fault_.not_after_us),
                                                  why, whose))};
        case Reason::kCertNotYetValid:
            return {reason, differs("a certificate valid now",
                                    core::message("one that begins {} ({}); is this host's clock right?",
                                                  core::format_time(fault_.not_before_us), whose))};
        default:
            return {reason, differs("a chain to a trusted CA",
                                    core::message("{} (leaf {}, issuer {})", why, excerpt(info.subject, 80),
                                                  excerpt(info.issuer, 80)))};
    }
}

bool TlsSession::write(std::string_view plain) {
    if (!trusted_ || plain.empty()) return false;
    ERR_clear_error();
    // The outgoing BIO grows as needed, so there are no partial writes.
    return SSL_write(ssl_, plain.data(), static_cast<int>(plain.size())) == static_cast<int>(plain.size());
}

TlsSession::Step TlsSession::read(std::string* plain) {
    char buffer[kReadBuffer];
    bool any = false;
    for (;;) {
        ERR_clear_error();
        const int n = SSL_read(ssl_, buffer, sizeof buffer);
        if (n > 0) {
            plain->append(buffer, static_cast<std::size_t>(n));
            core::wipe_bytes(buffer, static_cast<std::size_t>(n));
            any = true;
            continue;
        }
        const Step step = classify(n);
        return step == Step::kMore && any ? Step::kDone : step;
    }
}

core::ByteView TlsSession::outgoing() {
    if (pending_used_ == pending_.size()) {
        pending_.clear();
        pending_used_ = 0;
        if (const std::size_t waiting = BIO_ctrl_pending(out_); waiting > 0) {
            pending_.resize(waiting);
            const int n = BIO_read(out_, pending_.data(), static_cast<int>(waiting));
            pending_.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        }
    }
    return core::as_bytes(std::string_view(pending_).substr(pending_used_));
}

void TlsSession::consume(std::size_t bytes) {
    pending_used_ += bytes;
}

CertificateInfo TlsSession::certificate() const {
    if (verified_) return *verified_;
    return describe_certificate(SSL_get0_peer_certificate(ssl_), SSL_get0_verified_chain(ssl_));
}

std::string TlsSession::version() const {
    return SSL_get_version(ssl_);
}
std::string TlsSession::cipher() const {
    const char* name = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl_));  // the RFC name, not OpenSSL's own
    return name != nullptr ? name : "";
}
std::string TlsSession::group() const {
    const char* name = SSL_group_to_name(ssl_, static_cast<int>(SSL_get_negotiated_group(ssl_)));
    return name != nullptr ? name : "";
}

}  // namespace postern::probe
