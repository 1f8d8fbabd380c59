// TLS over two memory BIOs: bytes from the peer in, bytes for the peer out; it never touches a socket, so the caller
// knows the errno and the time of every event. The only user of OpenSSL's SSL is tls_session.cpp.
//
// The handshake runs with SSL_VERIFY_NONE and the name set: verification still happens (VerifiedChains), its result and
// the certificate can be read even when it is bad (under SSL_VERIFY_PEER they can't), and judge() decides. Nothing may be
// written before judge() said kNone: write() refuses.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/error.h"
#include "probe/probe_types.h"
#include "probe/verified_chains.h"

struct ssl_ctx_st;
struct ssl_st;
struct bio_st;
struct x509_store_ctx_st;

namespace postern::probe {

/// An SSL_CTX with its trust store. TLS ≥ 1.2, no session resumption. Loading the system's store takes ~20 ms: do it in
/// the pool (TlsContexts). May be made on any thread; used on one.
class TlsContext {
  public:
    /// ca_file "": the system's store. kFileMissing, kFileUnreadable, kFileCorrupt (no certificate in it).
    static core::Result<std::shared_ptr<const TlsContext>> load(const std::string& ca_file);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    ssl_ctx_st* raw() const { return context_; }

  private:
    TlsContext() = default;
    ssl_ctx_st* context_ = nullptr;
    VerifiedChains chains_;  // used by way of context_
};

class TlsSession {
  public:
    enum class Step {
        kMore,      // needs bytes from the peer
        kDone,      // handshake complete / bytes were read
        kClosed,    // close_notify
        kAlert,     // the peer sent a fatal alert
        kProtocol,  // not TLS, or broken
        kNoMemory,
    };
    struct Judgement {
        Reason reason = Reason::kNone;
        std::string detail;  // expected and found
    };

    /// nullptr when memory is short.
    static std::unique_ptr<TlsSession> create(const TlsContext& context, const std::string& server_name);
    ~TlsSession();

    /// Bytes that came from the peer; false when memory is short.
    bool feed(core::ByteView bytes);
    Step handshake();
    /// After kDone of handshake(). kNone: a certificate is there, its chain and name are good.
    Judgement judge();
    /// False before a good judgement, or when memory is short.
    bool write(std::string_view plain);
    /// Appends what can be decrypted now.
    Step read(std::string* plain);

    /// Bytes for the peer that have not been sent; consume() those that were.
    core::ByteView outgoing();
    void consume(std::size_t bytes);

    /// What the peer showed, also when it is bad. Empty before the handshake got that far.
    CertificateInfo certificate() const;
    std::string version() const;  // "TLSv1.3"
    std::string cipher() const;
    /// OpenSSL's text of the last failure, or the alert's name.
    const std::string& error() const { return error_; }

  private:
    friend class TlsContext;
    TlsSession() = default;
    static int verify(x509_store_ctx_st* store, void* chains);
    Step classify(int result);

    ssl_st* ssl_ = nullptr;
    bio_st* in_ = nullptr;   // owned by ssl_
    bio_st* out_ = nullptr;  // owned by ssl_
    std::string pending_;    // taken out of out_, not yet sent
    std::size_t pending_used_ = 0;
    std::string server_name_;
    std::string error_;
    VerifiedChains::Info verified_;  // the peer's chain and name are good
    bool trusted_ = false;           // and judge() has said so
};

}  // namespace postern::probe
