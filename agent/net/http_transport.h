// SPDX-License-Identifier: Apache-2.0
// One HTTP exchange for the cloud clients. An interface, because simulations script the cloud's replies. The real one
// is net/http_client.cpp (libcurl multi on our loop).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"

namespace postern::agent {

struct HttpRequest {
    std::string method = "GET";
    std::string url;                                           // scheme, host, port, path and encoded query
    std::vector<std::pair<std::string, std::string>> headers;  // as sent; may hold secrets, never logged
    std::string body;
    core::Micros connect_timeout_us = 3 * core::kSecond;
    core::Micros timeout_us = 10 * core::kSecond;
    std::size_t max_body = 1 << 20;
    std::string ca_file;      // "": the system's
    bool send_once = false;   // signed: fails (kHttpFailed) on a dead reused connection instead of being sent again
    bool allow_proxy = true;  // false for metadata: proxies must never see it
};

struct HttpResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string body;
    /// The first value of a header, "" if absent. `name` in lower case.
    std::string header(std::string_view name) const {
        for (const auto& [key, value] : headers) {
            if (key == name) return value;
        }
        return {};
    }
};

class HttpTransport {
  public:
    using Callback = std::function<void(core::Result<HttpResponse>)>;
    using RequestId = std::uint64_t;

    virtual ~HttpTransport() = default;
    /// Exactly one callback, from the loop, unless cancelled. Any HTTP status is a response, not an error.
    virtual RequestId send(HttpRequest request, Callback done) = 0;
    virtual void cancel(RequestId id) = 0;
};

}  // namespace postern::agent
