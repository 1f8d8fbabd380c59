// SPDX-License-Identifier: Apache-2.0
// Request signing, version 3 (ACS3-HMAC-SHA256). Pure: no clock, no randomness, no transport.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/secret.h"

namespace postern::agent {

using NameValues = std::vector<std::pair<std::string, std::string>>;

/// sha256 of the empty string: the payload hash of every request whose parameters are all in the query.
inline constexpr std::string_view kEmptyPayloadHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Acs3Request {
    std::string method;        // upper case, as sent
    std::string uri = "/";     // canonical
    std::string query;         // canonical_query() of the parameters, exactly as in the URL
    NameValues headers;        // all headers sent; the signer picks those it signs, any case, repeats allowed
    std::string payload_hash;  // lower-case hex sha256 of the body
};

/// Parameters sorted by raw name, percent-encoded (RFC 3986), "name=" for an empty value, joined by '&'.
std::string canonical_query(NameValues parameters);

/// The string to sign. Contains the security token if there is one: never log it.
std::string acs3_canonical_request(const Acs3Request& request);

/// The value of the Authorization header.
std::string acs3_authorization(const Acs3Request& request, const std::string& access_key_id,
                               const core::Secret& secret);

}  // namespace postern::agent
