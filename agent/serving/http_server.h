// SPDX-License-Identifier: Apache-2.0
// The agent's local HTTP server: libmicrohttpd without threads, driven by the loop through one descriptor and one
// timer. It checks the client's address and the Host header, finds the route, and copies the reply. Contains no
// route. Loop thread only; handlers run on it and must not block.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/ip_address.h"
#include "core/loop.h"

namespace postern::agent {

struct HttpQuery {
    std::string method;                                          // GET or POST (HEAD is handled as GET)
    std::string path;                                            // "/readyz/plan"
    std::string rest;                                            // after a prefix route: "plan"
    std::vector<std::pair<std::string, std::string>> arguments;  // decoded, in order; at most 32
    std::vector<std::pair<std::string, std::string>> headers;    // names in lower case: accept, x-postern
    core::SocketAddress client;
    bool from_this_host = false;  // the client is a program of this host

    /// The first value of an argument; nullopt if absent, "" for "?verbose".
    std::optional<std::string> argument(std::string_view name) const;
    std::vector<std::string> all(std::string_view name) const;
    std::string header(std::string_view name) const;
};

/// Work in progress for a delayed reply. Kept until the request is over; destroying it cancels, and nothing is
/// delivered after that.
class HttpWork {
  public:
    virtual ~HttpWork() = default;
};

/// A body that is written over time. The writer may keep it as long as it wants.
class HttpStream {
  public:
    virtual ~HttpStream() = default;
    /// False if the client has gone, or read so slowly that it was disconnected.
    virtual bool write(std::string_view bytes) = 0;
    virtual bool open() const = 0;
};
/// Bytes that may be pending for a client before it is disconnected (one write may exceed it).
inline constexpr std::size_t kStreamBacklog = 256 << 10;

struct HttpReply {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;  // in addition to the standard ones
    /// Instead of `body`: called once with the body, which may be written at once.
    std::function<void(std::shared_ptr<HttpStream>)> stream = {};
    /// Instead of all of the above: starts the work, which delivers the reply once, never from inside this call.
    std::function<std::unique_ptr<HttpWork>(std::function<void(HttpReply)> deliver)> later = {};

    static HttpReply text(int status, std::string body) {
        return {status, "text/plain; charset=utf-8", std::move(body), {}, {}, {}};
    }
    static HttpReply json(int status, std::string body) {
        return {status, "application/json", std::move(body), {}, {}, {}};
    }
};

struct HttpRoute {
    std::string path;  // "/metrics"; with `prefix`, "/readyz/" also takes what follows
    bool prefix = false;
    // GET also handles HEAD. POST needs the header "X-Postern: 1", which no web page can send
    std::string method = "GET";
    std::function<HttpReply(const HttpQuery&)> handler;
};

struct HttpOptions {
    core::SocketAddress listen;            // port 0: any free one (tests)
    std::vector<core::IpPrefix> allow;     // client addresses; others get 403
    std::vector<std::string> allow_hosts;  // for the Host check, in addition to localhost and addresses
    unsigned max_connections = 64;
    std::size_t connection_memory = 32 << 10;
    unsigned idle_timeout_s = 15;
};

class HttpServer {
  public:
    /// Binds and serves. kAddressInUse and kPermission have a hint.
    static core::Result<std::unique_ptr<HttpServer>> start(core::Loop& loop, HttpOptions options,
                                                           std::vector<HttpRoute> routes);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// The address it listens on, with the real port.
    core::SocketAddress address() const;
    /// For a reload; open connections are checked again with each request.
    void set_access(std::vector<core::IpPrefix> allow, std::vector<std::string> allow_hosts);

  private:
    struct State;
    explicit HttpServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// True if a Host header (with or without a port) is localhost, one of `allow_hosts`, or an address: a page that
/// rebinds its name to this host (DNS rebinding) sends that name.
bool host_allowed(std::string_view host_header, const std::vector<std::string>& allow_hosts);

}  // namespace postern::agent
