// The agent's local HTTP: libmicrohttpd without threads, driven by the loop through one descriptor and one
// timer. It checks who asks and under which name, finds the route, and copies the reply. It knows no route
// itself. Loop thread only; handlers run on it and must not block.
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
    std::string method;                                          // GET or POST (HEAD is asked as GET)
    std::string path;                                            // "/readyz/plan"
    std::string rest;                                            // behind a prefix route: "plan"
    std::vector<std::pair<std::string, std::string>> arguments;  // decoded, in order; at most 32
    std::vector<std::pair<std::string, std::string>> headers;    // names in lower case: accept, x-postern
    core::SocketAddress client;

    /// First value of an argument; nullopt when absent, "" for "?verbose".
    std::optional<std::string> argument(std::string_view name) const;
    std::vector<std::string> all(std::string_view name) const;
    std::string header(std::string_view name) const;
};

/// What a reply that comes later waits for. Kept until the request is over; destroying it cancels, and then
/// nothing is delivered.
class HttpWork {
  public:
    virtual ~HttpWork() = default;
};

/// A body that is written as things happen. Held by the writer for as long as it likes.
class HttpStream {
  public:
    virtual ~HttpStream() = default;
    /// False when the client has gone, or reads so slowly that it was cut.
    virtual bool write(std::string_view bytes) = 0;
    virtual bool open() const = 0;
};
/// Bytes that may wait for a client before it is cut (one write may go beyond).
inline constexpr std::size_t kStreamBacklog = 256 << 10;

struct HttpReply {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;  // besides the ones that every reply has
    /// Instead of `body`: called once with the body to write, which may be written at once.
    std::function<void(std::shared_ptr<HttpStream>)> stream = {};
    /// Instead of all of the above: begins what makes the reply and delivers it, once, never from inside this
    /// call.
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
    std::string method = "GET";  // GET answers HEAD, too. POST needs the header "X-Postern: 1": no web page can send it
    std::function<HttpReply(const HttpQuery&)> handler;
};

struct HttpOptions {
    core::SocketAddress listen;            // port 0: any (tests)
    std::vector<core::IpPrefix> allow;     // client addresses; others get 403
    std::vector<std::string> allow_hosts;  // for the Host check, besides localhost and addresses
    unsigned max_connections = 64;
    std::size_t connection_memory = 32 << 10;
    unsigned idle_timeout_s = 15;
};

class HttpServer {
  public:
    /// Binds and serves. kAddressInUse and kPermission say what to do.
    static core::Result<std::unique_ptr<HttpServer>> start(core::Loop& loop, HttpOptions options,
                                                           std::vector<HttpRoute> routes);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Where it listens, with the real port.
    core::SocketAddress address() const;
    /// After a reload; open connections are judged anew with each request.
    void set_access(std::vector<core::IpPrefix> allow, std::vector<std::string> allow_hosts);

  private:
    struct State;
    explicit HttpServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// True when a Host header (with or without a port) is localhost, one of `allow_hosts`, or an address: a page
/// that rebinds its name to us (DNS rebinding) sends that name and nothing else.
bool host_allowed(std::string_view host_header, const std::vector<std::string>& allow_hosts);

}  // namespace postern::agent
