// SPDX-License-Identifier: Apache-2.0
// An OpenSSL library context with only those algorithms of the default provider that a TLS client needs.
//
// OpenSSL 3.0 and 3.1 go through all algorithms to build a list of decoders for the key of every certificate, which
// took a tenth of the CPU time of a probe, and more with intermediate certificates. With short lists that is cheap;
// 3.2 and later cache the list. As a consequence probes don't use the providers of the host's openssl.cnf, but they
// do use its TLS settings (system_default_sect).
#pragma once

struct ossl_lib_ctx_st;

namespace postern::probe {

/// For SSL_CTX_new_ex(). Created by the first call (any thread), never freed. nullptr, which means OpenSSL's default
/// context, when it can't be created.
ossl_lib_ctx_st* tls_library();

}  // namespace postern::probe
