// SPDX-License-Identifier: Apache-2.0
// The real HttpTransport: libcurl's multi interface on our loop. For the cloud clients only; probes have their own
// state machine, because curl loses the phase times of a failed handshake.
//
// Host names are resolved by the given Lookup and handed to curl as addresses: control traffic must not depend on
// the host's resolver, which is postern itself. Proxy variables (https_proxy, all_proxy, no_proxy) apply to requests
// that allow a proxy. Headers, body and query never appear in an error: only scheme, host and port. Owned by the
// app, loop thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/net/environment.h"
#include "agent/net/http_transport.h"
#include "agent/net/lookup.h"
#include "core/loop.h"

namespace postern::agent {

class HttpClient final : public HttpTransport {
  public:
    HttpClient(core::Loop& loop, core::Clock& clock, Lookup& lookup, Environment environment);
    /// Cancels everything: no callback runs after it.
    ~HttpClient() override;

    /// Errors: kDnsFailed, kConnectFailed, kTlsFailed, kTimeout, kTooLarge, kHttpFailed, kUsage (a bad URL).
    RequestId send(HttpRequest request, Callback done) override;
    void cancel(RequestId id) override;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The proxy that the usual variables give for this URL; "" for none. Lower-case names take precedence.
std::string proxy_for(std::string_view url, const Environment& environment);

/// "https", "host.example", 443 of a URL without user information; nullopt if it is not an http(s) URL.
struct UrlParts {
    std::string scheme, host;  // host in lower case, without IPv6 brackets
    std::uint16_t port = 0;
    std::string authority;  // as in the Host header: no port if it is the scheme's default
};
std::optional<UrlParts> split_url(std::string_view url);
/// "localhost" or a loopback address, without brackets.
bool is_loopback_host(const std::string& host);

}  // namespace postern::agent
