// SPDX-License-Identifier: Apache-2.0
#include "core/trust_store.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace postern::core {
namespace {

constexpr const char* kDirectory = "/etc/ssl/certs";
constexpr std::array kBundles = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Enterprise Linux, Alibaba Cloud Linux, Anolis, openEuler
    "/etc/ssl/ca-bundle.pem",                             // SUSE
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Enterprise Linux 10, where the link above is gone
    "/var/lib/ca-certificates/ca-bundle.pem",             // SUSE without the compatibility link
};

/// "5ed36f99.0": eight digits of the subject's hash, a dot, and a number.
bool is_hash(std::string_view name) {
    constexpr std::size_t kDigits = 8;
    return name.size() > kDigits + 1 && name[kDigits] == '.' && name[kDigits + 1] >= '0' && name[kDigits + 1] <= '9' &&
           name.substr(0, kDigits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool directory_holds_hashes(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (!directory) return false;
    while (const dirent* entry = ::readdir(directory.get())) {
        if (is_hash(entry->d_name)) return true;
    }
    return false;
}

}  // namespace

TrustStore choose_trust_store(const TrustStoreFacts& facts) {
    TrustStore store{facts.environment("SSL_CERT_FILE"), facts.environment("SSL_CERT_DIR"), {}};
    const auto bundle = std::find_if(kBundles.begin(), kBundles.end(), facts.exists);
    const bool hashes = facts.holds_hashes(kDirectory);
    if (store.directory.empty() && hashes) store.directory = kDirectory;
    if (store.file.empty() && bundle != kBundles.end() && store.directory.empty()) store.file = *bundle;
    if (store.file.empty() && store.directory.empty()) store.file = kBundles.front();
    // A bundle is written again with every change; a directory of hashes need not be.
    store.changes = !store.file.empty() ? store.file : bundle != kBundles.end() ? *bundle : store.directory;
    return store;
}

TrustStore system_trust_store() {
    return choose_trust_store({.environment =
                                   [](const char* name) {
                                       const char* value = std::getenv(name);
                                       return std::string(value == nullptr ? "" : value);
                                   },
                               .exists = [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; },
                               .holds_hashes = directory_holds_hashes});
}

}  // namespace postern::core
