// SPDX-License-Identifier: Apache-2.0
// Where this host keeps the certificates of the CAs that it trusts. A TLS library knows the place of the distribution that
// built it; postern's programs run on all of them, so probes and HTTPS requests ask here.
#pragma once

#include <functional>
#include <string>

namespace postern::core {

/// What to give to a TLS library. "": nothing of that kind.
struct TrustStore {
    std::string file;       // a bundle of PEM certificates
    std::string directory;  // one file a certificate, named by OpenSSL's hash: read when a certificate is looked for
    std::string changes;    // the file or directory that is another one after the store was changed
    bool operator==(const TrustStore&) const = default;
};

/// The facts that the choice depends on.
struct TrustStoreFacts {
    std::function<std::string(const char*)> environment;   // "" for a variable that is not set
    std::function<bool(const std::string&)> exists;        // a file or directory
    std::function<bool(const std::string&)> holds_hashes;  // a directory whose names are OpenSSL's hashes
};

/// SSL_CERT_FILE and SSL_CERT_DIR, each for itself; else /etc/ssl/certs if it has hashes (Debian, Ubuntu, SUSE: nothing is
/// loaded ahead), else the first bundle that exists. Where none does, `file` names Debian's, for an error to tell.
TrustStore choose_trust_store(const TrustStoreFacts& facts);

/// The same, of this host at this moment. Any thread.
TrustStore system_trust_store();

}  // namespace postern::core
