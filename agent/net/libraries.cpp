// SPDX-License-Identifier: Apache-2.0
#include "agent/net/libraries.h"

#include <ares.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <uv.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

// Last: it may define bool.
#include <ldns/ldns.h>

namespace postern::agent {

std::vector<LibraryVersion> library_versions() {
    return {
        {"OpenSSL", ::OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"curl", ::curl_version_info(CURLVERSION_NOW)->version},
        {"c-ares", ::ares_version(nullptr)},
        {"libuv", ::uv_version_string()},
        {"ldns", ::ldns_version()},
        {"libmicrohttpd", ::MHD_get_version()},
        {"zlib", ::zlibVersion()},
        {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
        {"nlohmann-json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                      NLOHMANN_JSON_VERSION_PATCH)},
        {"glibc", ::gnu_get_libc_version()},
    };
}

std::string library_lines() {
    std::string out;
    for (const auto& [name, version] : library_versions())
        out += fmt::format("{:<14} {}\n", name, version);
    return out;
}

}  // namespace postern::agent
