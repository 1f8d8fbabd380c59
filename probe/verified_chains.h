// SPDX-License-Identifier: Apache-2.0
// A cache of verified certificate chains: an agent sees the same few chains for months, and building and verifying
// the path is the most expensive part of checking a certificate.
//
// A hit needs the same name and the same certificates from the server, by SHA-256, as when X509_verify_cert()
// accepted them with this trust store, and no certificate of the path has expired since. Everything else is verified
// again, and rejected chains are not cached. The handshake proves every time that the server has the private key of
// the leaf. One per trust store, owned by TlsContext. Loop thread only.
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
    /// The description of a verified chain.
    using Info = std::shared_ptr<const CertificateInfo>;

    /// Does what X509_verify_cert(context) does, or uses its cached result; the error is in `context`. `name` is the
    /// expected name, which is also set in `context`. Returns nullptr unless the chain is valid.
    Info verify(x509_store_ctx_st* context, const std::string& name, core::Micros now_wall_us);
    std::size_t size() const { return known_.size(); }

  private:
    struct Known {
        core::Micros not_before_us = 0;  // the latest in the path
        Info info;                       // its chain_not_after_us is the earliest in the path
    };
    std::map<std::string, Known> known_;
};

}  // namespace postern::probe
