// SPDX-License-Identifier: Apache-2.0
// Looks at the name of a certificate that is not accepted, which OpenSSL and curl leave out: who answers at an address
// says more than who signed. The result is X509_V_ERR_HOSTNAME_MISMATCH in place of the chain's own; a certificate whose
// chain is accepted is compared by curl. For http_client; any thread that does the handshake.
#pragma once

#include <string>

namespace postern::agent {

/// `ssl_ctx`: the SSL_CTX of one connection, which keeps `host`. Returns false when out of memory.
bool check_name_of_refused(void* ssl_ctx, const std::string& host);

}  // namespace postern::agent
