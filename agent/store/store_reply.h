// SPDX-License-Identifier: Apache-2.0
// What a store's refusal means, and what to do about it. Pure; accepts any bytes.
#pragma once

#include <string>

#include "agent/net/http_transport.h"
#include "agent/text/object_place.h"
#include "core/error.h"

namespace postern::agent {

struct StoreRefusal {
    std::string code;      // of the store: "NoSuchKey"; "" where the body has none
    std::string endpoint;  // where the bucket is instead; "" if it does not say
    std::string region;
    std::string request_id;
};
StoreRefusal read_refusal(const HttpResponse& response);

/// Who asked what, for the texts.
struct StoreContext {
    ObjectPlace place;
    bool writes = false;
    std::string credentials;  // their source; "" for a request without a signature
    std::string region;
    bool lists = false;  // the names of a folder
};
/// kApiNotFound, kApiDenied, kCredentialsInvalid, kCredentialsExpired, kApiClock, kApiThrottled, kApiUnavailable,
/// kApiRejected.
core::Error explain_refusal(const HttpResponse& response, const StoreContext& context);
/// The store says that the object is there already (of a write that must not replace one).
bool says_exists(const HttpResponse& response);

}  // namespace postern::agent
