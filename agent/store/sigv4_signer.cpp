// SPDX-License-Identifier: Apache-2.0
#include "agent/store/sigv4_signer.h"

#include <map>

#include "agent/crypto/digest.h"
#include "core/bytes.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256", kEnd = "aws4_request";

std::map<std::string, std::string> sorted_headers(const NameValues& headers) {
    std::map<std::string, std::string> out;
    for (const auto& [name, value] : headers)
        out[core::lowered(name)] = core::trimmed(value);
    return out;
}

std::string signed_names(const NameValues& headers) {
    std::string out;
    for (const auto& [name, value] : sorted_headers(headers))
        out += (out.empty() ? "" : ";") + name;
    return out;
}

}  // namespace

std::string sigv4_canonical_request(const SigV4Request& r) {
    std::map<std::string, std::string> query;
    for (const auto& [name, value] : r.query)
        query[core::percent_encode(name)] = core::percent_encode(value);
    std::string parameters, lines;
    for (const auto& [name, value] : query)
        parameters += (parameters.empty() ? "" : "&") + name + "=" + value;
    for (const auto& [name, value] : sorted_headers(r.headers))
        lines += name + ":" + value + "\n";
    return r.method + "\n" + r.path + "\n" + parameters + "\n" + lines + "\n" + signed_names(r.headers) + "\n" +
           r.payload_hash;
}

std::string sigv4_authorization(const SigV4Request& r, const std::string& access_key_id, const core::Secret& secret) {
    const std::string scope = r.date.substr(0, 8) + "/" + r.region + "/s3/" + std::string(kEnd);
    const std::string to_sign =
        std::string(kAlgorithm) + "\n" + r.date + "\n" + scope + "\n" + sha256_hex(sigv4_canonical_request(r));
    std::string key = "AWS4" + secret.expose();
    const core::Wiped after(key);
    std::string chained = hmac_sha256(key, r.date.substr(0, 8));
    for (const std::string_view part : {std::string_view(r.region), std::string_view("s3"), kEnd})
        chained = hmac_sha256(chained, part);
    return std::string(kAlgorithm) + " Credential=" + access_key_id + "/" + scope +
           ",SignedHeaders=" + signed_names(r.headers) +
           ",Signature=" + core::hex(core::as_bytes(hmac_sha256(chained, to_sign)));
}

}  // namespace postern::agent
