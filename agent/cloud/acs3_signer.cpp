// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/acs3_signer.h"

#include <algorithm>
#include <map>

#include "agent/crypto/digest.h"
#include "core/bytes.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr std::string_view kAlgorithm = "ACS3-HMAC-SHA256";

/// Only these headers are signed: the gateway recomputes exactly this set, so signing accept or date
/// would not verify.
bool is_signed(const std::string& name) {
    return name.starts_with("x-acs-") || name == "host" || name == "content-type";
}

struct SignedHeaders {
    std::string lines;  // "name:value\n"…
    std::string names;  // "name;name"
};

SignedHeaders collect(const NameValues& headers) {
    std::map<std::string, std::vector<std::string>> by_name;
    for (const auto& [name, value] : headers) {
        std::string key = core::lowered(name);
        if (is_signed(key)) by_name[std::move(key)].emplace_back(core::trimmed(value));
    }
    SignedHeaders out;
    for (auto& [name, values] : by_name) {
        std::sort(values.begin(), values.end());
        out.names += (out.names.empty() ? "" : ";") + name;
        out.lines += name + ":";
        for (std::size_t i = 0; i < values.size(); ++i)
            out.lines += (i == 0 ? "" : ",") + values[i];
        out.lines += "\n";
    }
    return out;
}

}  // namespace

std::string canonical_query(NameValues parameters) {
    // By the raw name: after encoding, '.' and '%' would sort differently.
    std::sort(parameters.begin(), parameters.end());
    std::string out;
    for (const auto& [name, value] : parameters) {
        if (!out.empty()) out += '&';
        out += core::percent_encode(name) + "=" + core::percent_encode(value);
    }
    return out;
}

std::string acs3_canonical_request(const Acs3Request& request) {
    const SignedHeaders headers = collect(request.headers);
    return request.method + "\n" + request.uri + "\n" + request.query + "\n" + headers.lines + "\n" + headers.names +
           "\n" + request.payload_hash;
}

std::string acs3_authorization(const Acs3Request& request, const std::string& access_key_id,
                               const core::Secret& secret) {
    const std::string to_sign = std::string(kAlgorithm) + "\n" + sha256_hex(acs3_canonical_request(request));
    return std::string(kAlgorithm) + " Credential=" + access_key_id +
           ",SignedHeaders=" + collect(request.headers).names +
           ",Signature=" + core::hex(core::as_bytes(hmac_sha256(secret.expose(), to_sign)));
}

}  // namespace postern::agent
