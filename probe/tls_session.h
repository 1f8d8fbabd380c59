// SPDX-License-Identifier: Apache-2.0
// A TLS client over two memory BIOs: bytes from the peer in, bytes for the peer out. Without a socket, so that the
// caller has the errno and the time of every event. Passive; owned by ProbeRun, loop thread only.
//
// The handshake uses SSL_VERIFY_NONE with the name set: the chain is verified all the same (VerifiedChains), but
// a bad certificate can be read, unlike with SSL_VERIFY_PEER, and judge() decides. write() refuses until judge()
// has returned kNone.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/error.h"
#include "core/message.h"
#include "probe/probe_types.h"
#include "probe/verified_chains.h"

struct ssl_ctx_st;
struct ssl_st;
struct bio_st;
struct x509_store_ctx_st;

namespace postern::probe {

/// The size of the first message: small, below 500 bytes, in one segment of any path; large, about 1,700 bytes, as
/// clients with a hybrid key exchange send it.
enum class HelloSize { kSmall, kLarge };

/// An SSL_CTX with its trust store. TLS ≥ 1.2, no session resumption. Loading the system's store takes about 20 ms:
/// load it in the pool (TlsContexts). Created on any thread, used on the loop thread.
class TlsContext {
  public:
    /// `ca_file` "": the system's store. Errors: kFileMissing, kFileUnreadable, kFileCorrupt (it has no certificate).
    static core::Result<std::shared_ptr<const TlsContext>> load(const std::string& ca_file);
    /// One without a trust store, for handshakes that are made for themselves: judge() finds no certificate valid, so
    /// that nothing can be written. kLarge: with the key share of X25519MLKEM768 where the library has it, and with an
    /// extension that has to be ignored (GREASE, RFC 8701). nullptr when out of memory.
    static std::shared_ptr<const TlsContext> for_hello(HelloSize size);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    ssl_ctx_st* raw() const { return context_; }

  private:
    TlsContext() = default;
    ssl_ctx_st* context_ = nullptr;
    VerifiedChains chains_;  // context_ has a pointer to it
};

class TlsSession {
  public:
    enum class Step {
        kMore,      // needs bytes from the peer
        kDone,      // the handshake is complete, or bytes were read
        kClosed,    // close_notify
        kAlert,     // the peer sent a fatal alert
        kProtocol,  // not TLS, or an error of the protocol
        kNoMemory,
    };
    struct Judgement {
        Reason reason = Reason::kNone;
        core::Message detail;  // what was expected and what was found
    };

    /// nullptr when out of memory.
    static std::unique_ptr<TlsSession> create(const TlsContext& context, const std::string& server_name);
    ~TlsSession();

    /// Adds bytes from the peer; false when out of memory.
    bool feed(core::ByteView bytes);
    Step handshake();
    /// After kDone of handshake(). kNone: there is a certificate, and its chain and name are valid.
    Judgement judge();
    /// False before judge() has returned kNone, and when out of memory.
    bool write(std::string_view plain);
    /// Appends what can be decrypted now.
    Step read(std::string* plain);

    /// Bytes to be sent to the peer; call consume() for those that were sent.
    core::ByteView outgoing();
    void consume(std::size_t bytes);

    /// The peer's certificate, valid or not; empty until the handshake has received it.
    CertificateInfo certificate() const;
    std::string version() const;  // "TLSv1.3"
    std::string cipher() const;
    /// The group of the key exchange by its IANA name, "x25519"; "" for a key exchange without one (RSA).
    std::string group() const;
    /// OpenSSL's text for the last failure, or the name of the alert.
    const std::string& error() const { return error_; }

  private:
    friend class TlsContext;
    TlsSession() = default;
    static int verify(x509_store_ctx_st* store, void* chains);
    Step classify(int result);

    ssl_st* ssl_ = nullptr;
    bio_st* in_ = nullptr;   // owned by ssl_
    bio_st* out_ = nullptr;  // owned by ssl_
    std::string pending_;    // read from out_, not yet sent
    std::size_t pending_used_ = 0;
    std::string server_name_;
    std::string error_;
    CertificateInfo fault_;                      // the one in the chain for which it is not valid
    bool any_fed_ = false, plain_http_ = false;  // the peer's first bytes are a reply without TLS
    VerifiedChains::Info verified_;              // nullptr unless the peer's chain and name are valid
    bool trusted_ = false;                       // judge() has returned kNone
};

}  // namespace postern::probe
