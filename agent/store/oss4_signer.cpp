// SPDX-License-Identifier: Apache-2.0
#include "agent/store/oss4_signer.h"

#include <algorithm>
#include <map>

#include "agent/crypto/digest.h"
#include "core/bytes.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr std::string_view kAlgorithm = "OSS4-HMAC-SHA256", kEnd = "aliyun_v4_request";

std::string canonical_headers(const NameValues& headers) {
    std::map<std::string, std::string> sorted;
    for (const auto& [name, value] : headers) {
        std::string key = core::lowered(name);
        if (key == "content-type" || key == "content-md5" || key.starts_with("x-oss-"))
            sorted[std::move(key)] = core::trimmed(value);
    }
    std::string out;
    for (const auto& [name, value] : sorted)
        out += name + ":" + value + "\n";
    return out;
}

/// Sorted after encoding; "=" only with a value.
std::string query_of(const NameValues& query) {
    std::map<std::string, std::string> sorted;
    for (const auto& [name, value] : query)
        sorted[core::percent_encode(name)] = core::percent_encode(value);
    std::string out;
    for (const auto& [name, value] : sorted)
        out += (out.empty() ? "" : "&") + name + (value.empty() ? "" : "=" + value);
    return out;
}

std::string scope_of(const Oss4Request& r) {
    return r.date.substr(0, 8) + "/" + r.region + "/oss/" + std::string(kEnd);
}

}  // namespace

std::string encode_object_path(std::string_view path) {
    std::string out;
    for (std::size_t begin = 0; begin <= path.size();) {
        const auto end = std::min(path.find('/', begin), path.size());
        out += core::percent_encode(path.substr(begin, end - begin));
        if (end < path.size()) out += '/';
        begin = end + 1;
    }
    return out;
}

std::string oss4_canonical_request(const Oss4Request& r) {
    return r.method + "\n" + encode_object_path("/" + r.bucket + "/" + r.key) + "\n" + query_of(r.query) + "\n" +
           canonical_headers(r.headers) + "\n\n" + std::string(kUnsignedPayload);
}

std::string oss4_authorization(const Oss4Request& r, const std::string& access_key_id, const core::Secret& secret) {
    const std::string scope = scope_of(r);
    const std::string to_sign =
        std::string(kAlgorithm) + "\n" + r.date + "\n" + scope + "\n" + sha256_hex(oss4_canonical_request(r));
    std::string key = "aliyun_v4" + secret.expose();
    const core::Wiped after(key);
    std::string chained = hmac_sha256(key, r.date.substr(0, 8));
    for (const std::string_view part : {std::string_view(r.region), std::string_view("oss"), kEnd})
        chained = hmac_sha256(chained, part);
    return std::string(kAlgorithm) + " Credential=" + access_key_id + "/" + scope +
           ",Signature=" + core::hex(core::as_bytes(hmac_sha256(chained, to_sign)));
}

}  // namespace postern::agent
