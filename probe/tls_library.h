// OpenSSL's default provider, without what a TLS client does not need, in a library context of its own.
// For the key of every certificate that it parses, OpenSSL 3.0 and 3.1 walk all algorithms and build the list of decoders
// anew: a tenth of what a probe cost, with intermediates in the chain more. Short lists make that cheap. (3.2 and later
// keep the list: there this changes nothing.)
// So providers that the host's openssl.cnf names do not serve probes; its TLS settings (system_default_sect) do.
#pragma once

struct ossl_lib_ctx_st;

namespace postern::probe {

/// For SSL_CTX_new_ex. Made on the first call (any thread), lives as long as the program; nullptr - which is OpenSSL's
/// own context - if it can't be made.
ossl_lib_ctx_st* tls_library();

}  // namespace postern::probe
