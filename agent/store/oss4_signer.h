// SPDX-License-Identifier: Apache-2.0
// Alibaba Cloud OSS request signing, version 4 (OSS4-HMAC-SHA256), header form. Pure: no clock, no transport.
#pragma once

#include <string>

#include "agent/cloud/acs3_signer.h"
#include "core/secret.h"

namespace postern::agent {

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

struct Oss4Request {
    std::string method;  // upper case
    std::string bucket, key;
    NameValues query;    // raw
    NameValues headers;  // all that are sent; the signer picks content-type, content-md5 and x-oss-*, any case
    std::string region;  // "cn-hangzhou"
    std::string date;    // "20260102T030405Z", as in x-oss-date
};

/// The path of a key, percent-encoded as the signature and the URL need it: every byte but A-Z a-z 0-9 - . _ ~ and "/".
std::string encode_object_path(std::string_view path);

/// Contains the security token if there is one: never log it.
std::string oss4_canonical_request(const Oss4Request& request);
/// The value of the Authorization header.
std::string oss4_authorization(const Oss4Request& request, const std::string& access_key_id,
                               const core::Secret& secret);

}  // namespace postern::agent
