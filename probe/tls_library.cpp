// SPDX-License-Identifier: Apache-2.0
#include "probe/tls_library.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

namespace postern::probe {
namespace {

constexpr const char* kName = "postern-tls";

/// The algorithms of a TLS 1.2 or 1.3 client, by the first of their names. Operations that are not listed have
/// all of theirs.
struct Kept {
    int operation;
    std::vector<std::string_view> names;
};
const Kept kKept[] = {
    {OSSL_OP_DIGEST, {"SHA1", "SHA2-224", "SHA2-256", "SHA2-384", "SHA2-512", "MD5", "MD5-SHA1"}},
    {OSSL_OP_CIPHER,
     {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305", "AES-128-CCM", "AES-256-CCM", "AES-128-CBC", "AES-256-CBC",
      "AES-128-CBC-HMAC-SHA1", "AES-256-CBC-HMAC-SHA1", "AES-128-CBC-HMAC-SHA256", "AES-256-CBC-HMAC-SHA256"}},
    {OSSL_OP_MAC, {"HMAC"}},
    {OSSL_OP_KDF, {"HKDF", "TLS13-KDF", "TLS1-PRF"}},
    {OSSL_OP_KEYMGMT, {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "X25519", "X448", "DH", "HMAC"}},
    {OSSL_OP_DECODER, {"RSA", "RSA-PSS", "EC", "ED25519", "ED448"}},
};

/// The complete default provider, and the short lists of its algorithms that are presented to OpenSSL.
struct Served {
    OSSL_PROVIDER* provider = nullptr;
    std::map<int, std::vector<OSSL_ALGORITHM>> lists;  // by operation, each terminated by an empty one
};

Served& served() {
    static Served it;
    return it;
}

bool keeps(const Kept& kept, const OSSL_ALGORITHM& algorithm) {
    const std::string_view names = algorithm.algorithm_names;
    if (std::ranges::find(kept.names, names.substr(0, names.find(':'))) == kept.names.end()) return false;
    // The keys in certificates are SubjectPublicKeyInfo for all algorithms.
    return kept.operation != OSSL_OP_DECODER ||
           std::string_view(algorithm.property_definition).ends_with("structure=SubjectPublicKeyInfo");
}

void fill_lists() {
    for (const Kept& kept : kKept) {
        std::vector<OSSL_ALGORITHM>& list = served().lists[kept.operation];
        int no_cache = 0;
        const OSSL_ALGORITHM* all = OSSL_PROVIDER_query_operation(served().provider, kept.operation, &no_cache);
        for (; all != nullptr && all->algorithm_names != nullptr; ++all) {
            if (keeps(kept, *all)) list.push_back(*all);
        }
        list.push_back({});
    }
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
    const OSSL_ALGORITHM* all = OSSL_PROVIDER_query_operation(served().provider, operation, no_cache);
    const auto list = served().lists.find(operation);
    return list == served().lists.end() ? all : list->second.data();
}

int capabilities(void*, const char* capability, OSSL_CALLBACK* tell, void* argument) {
    return OSSL_PROVIDER_get_capabilities(served().provider, capability, tell, argument);
}

int init(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** functions, void** context) {
    static const OSSL_DISPATCH kTable[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(query)},
        {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<void (*)()>(capabilities)},
        {0, nullptr},
    };
    *functions = kTable;
    *context = OSSL_PROVIDER_get0_provider_ctx(served().provider);  // the context that the algorithms expect
    return 1;
}

/// A provider that has nothing.
int init_empty(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** functions, void** context) {
    static const OSSL_DISPATCH kTable[] = {{0, nullptr}};
    *functions = kTable;
    *context = OSSL_PROVIDER_get0_provider_ctx(served().provider);
    return 1;
}

OSSL_LIB_CTX* make() {
    OSSL_LIB_CTX* whole = OSSL_LIB_CTX_new();
    OSSL_LIB_CTX* library = OSSL_LIB_CTX_new();
    served().provider = whole != nullptr ? OSSL_PROVIDER_load(whole, "default") : nullptr;
    if (library != nullptr && served().provider != nullptr) {
        fill_lists();
        // OpenSSL 3.5: the generator of random numbers looks in its own context, the whole one, for the provider that it
        // was presented by.
        if (OSSL_PROVIDER_add_builtin(whole, kName, init_empty) == 1) (void)OSSL_PROVIDER_load(whole, kName);
        if (OSSL_PROVIDER_add_builtin(library, kName, init) == 1 && OSSL_PROVIDER_load(library, kName) != nullptr) {
            return library;
        }
    }
    OSSL_LIB_CTX_free(library);
    return nullptr;
}

}  // namespace

ossl_lib_ctx_st* tls_library() {
    static OSSL_LIB_CTX* const kLibrary = make();
    return kLibrary;
}

}  // namespace postern::probe
