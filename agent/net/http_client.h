// The real HttpTransport: libcurl's multi interface driven by our loop. Only the cloud clients use it; probes have an
// state of their own, because curl loses the phase times of a failed handshake.
//
// Host names are resolved by the given Lookup and handed to curl as addresses: control traffic must not depend on the
// host's resolver, which is ourselves. Proxy variables (https_proxy, all_proxy, no_proxy) are honoured for requests that
// allow it. No header, body or query ever appears in an error: only scheme, host and port. Owned by the app, loop thread.
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

/// One GET without a loop and without proxies, for the command line. A `url` on loopback needs no lookup.
core::Result<HttpResponse> http_get_blocking(const std::string& url, core::Micros timeout_us);

/// The proxy that the usual variables name for this URL; "" for none. Lower-case names win over upper-case ones.
std::string proxy_for(std::string_view url, const Environment& environment);

/// "https", "host.example", 443 of a URL without user information; nothing if it is not an http(s) URL.
struct UrlParts {
    std::string scheme, host;  // host in lower case, without the brackets of IPv6
    std::uint16_t port = 0;
    std::string authority;  // as the Host header has it: no port where it is the scheme's own
};
std::optional<UrlParts> split_url(std::string_view url);

}  // namespace postern::agent
