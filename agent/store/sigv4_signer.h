// SPDX-License-Identifier: Apache-2.0
// AWS Signature Version 4 for S3 (AWS4-HMAC-SHA256), header form. Pure: no clock, no transport.
#pragma once

#include <string>

#include "agent/cloud/acs3_signer.h"
#include "core/secret.h"

namespace postern::agent {

struct SigV4Request {
    std::string method;        // upper case
    std::string path;          // as sent: encoded once, begins with "/"
    NameValues query;          // raw
    NameValues headers;        // those to be signed: host and x-amz-date at least, any case
    std::string payload_hash;  // lower-case hex sha256 of the body, as in x-amz-content-sha256
    std::string region;        // "us-east-1"
    std::string date;          // "20260102T030405Z", as in x-amz-date
};

/// Contains the session token if there is one: never log it.
std::string sigv4_canonical_request(const SigV4Request& request);
/// The value of the Authorization header.
std::string sigv4_authorization(const SigV4Request& request, const std::string& access_key_id,
                                const core::Secret& secret);

}  // namespace postern::agent
