// What OpenSSL said of a chain, kept for as long as it must say the same: an agent sees the same few chains for months,
// and building and checking a path costs more than the rest of judging a certificate.
// A chain is taken from here only if the name asked for and every certificate that the server sent are the same, byte by
// byte (SHA-256), as when X509_verify_cert() accepted them with this trust store, and no certificate of the path has
// ended since. Anything else is verified anew; a chain that was not accepted is never kept. That the server holds the
// leaf's key is proved by the handshake itself, every time.
// One for each trust store (TlsContext). Loop thread only.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "core/clock.h"
#include "probe/probe_types.h"

struct x509_store_ctx_st;

namespace postern::probe {

class VerifiedChains {
  public:
    /// What a verified chain says of itself.
    using Info = std::shared_ptr<const CertificateInfo>;

    /// X509_verify_cert(context), or what it said before: the error is in `context`. `name`: what the certificate must be
    /// for, as set in `context`. nullptr unless the chain is good.
    Info verify(x509_store_ctx_st* context, const std::string& name, core::Micros now_wall_us);
    std::size_t size() const { return known_.size(); }

  private:
    struct Known {
        core::Micros not_before_us = 0;  // of the path's youngest
        Info info;                       // chain_not_after_us: of the one that ends first
    };
    std::map<std::string, Known> known_;
};

}  // namespace postern::probe
