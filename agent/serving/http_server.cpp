// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/http_server.h"

#include <fmt/format.h>
#include <microhttpd.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "agent/serving/served_request.h"
#include "agent/text/values.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/text.h"

namespace postern::agent {

using core::Code;
using core::fail;

namespace {

constexpr std::size_t kMaxArguments = 32;
constexpr std::uint64_t kMaxUpload = 4096;  // no route reads a body; a small one is discarded, a large one refused

constexpr std::uint64_t kStuckPauseMs = 100;

/// ::ffff:127.0.0.1, as seen on a dual-stack socket, becomes 127.0.0.1.
core::SocketAddress unmapped(core::SocketAddress address) {
    static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (address.ip.is_v6() && std::equal(kMapped, kMapped + 12, address.ip.data())) {
        const std::uint8_t* b = address.ip.data() + 12;
        address.ip =
            core::IpAddress::v4(static_cast<std::uint32_t>(b[0]) << 24 | static_cast<std::uint32_t>(b[1]) << 16 |
                                static_cast<std::uint32_t>(b[2]) << 8 | b[3]);
    }
    return address;
}

/// A client at loopback, or at the address that it has connected to.
bool is_this_host(const core::IpAddress& client, MHD_Connection* connection) {
    if (client.is_loopback()) return true;
    const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    if (info == nullptr || ::getsockname(info->connect_fd, reinterpret_cast<sockaddr*>(&own), &length) != 0)
        return false;
    const auto address = core::SocketAddress::from(reinterpret_cast<const sockaddr*>(&own));
    return address && unmapped(*address).ip == client;
}

core::Result<core::UniqueFd> bind_listener(const core::SocketAddress& listen) {
    sockaddr_storage storage;
    const socklen_t length = listen.to(&storage);
    core::UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return fail(Code::kSocket, "can't make a socket for HTTP", {}, errno);
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 || ::listen(fd.get(), 128) != 0) {
        const int error = errno;
        const std::string what = "can't listen on " + listen.text() + " for HTTP";
        if (error == EADDRINUSE) {
            return fail(
                Code::kAddressInUse, what,
                fmt::format("another program has it: see `ss -ltnp sport = {}`, or set [http] listen", listen.port),
                error);
        }
        if (error == EACCES) return fail(Code::kPermission, what, "set [http] listen to a port above 1023", error);
        return fail(Code::kSocket, what, "set [http] listen to an address of this host", error);
    }
    return fd;
}

void log_library(void*, const char* format, va_list arguments) {
    char line[256];
    std::vsnprintf(line, sizeof line, format, arguments);
    std::string text(line);
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    core::log_debug("http_library", text);
}

MHD_Result collect(void* to, MHD_ValueKind, const char* key, const char* value) {
    auto& list = *static_cast<std::vector<std::pair<std::string, std::string>>*>(to);
    if (list.size() >= kMaxArguments) return MHD_NO;
    list.emplace_back(key, value == nullptr ? "" : value);
    return MHD_YES;
}

std::string_view host_of_header(std::string_view header) {
    if (!header.empty() && header.front() == '[') {
        const auto close = header.find(']');
        return close == std::string_view::npos ? header : header.substr(1, close - 1);
    }
    if (header.find(':') == header.rfind(':')) return header.substr(0, header.find(':'));
    return header;
}

}  // namespace

std::optional<std::string> HttpQuery::argument(std::string_view name) const {
    for (const auto& [key, value] : arguments) {
        if (key == name) return value;
    }
    return std::nullopt;
}

std::vector<std::string> HttpQuery::all(std::string_view name) const {
    std::vector<std::string> out;
    for (const auto& [key, value] : arguments) {
        if (key == name) out.push_back(value);
    }
    return out;
}

std::string HttpQuery::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return "";
}

bool host_allowed(std::string_view host_header, const std::vector<std::string>& allow_hosts) {
    std::string host = core::lowered(host_of_header(host_header));
    if (!host.empty() && host.back() == '.') host.pop_back();
    if (host == "localhost" || core::IpAddress::parse(host)) return true;
    return std::find(allow_hosts.begin(), allow_hosts.end(), host) != allow_hosts.end();
}

struct HttpServer::State {
    core::Loop& loop;
    HttpOptions options;
    std::vector<HttpRoute> routes;
    core::SocketAddress address;
    MHD_Daemon* daemon = nullptr;
    int epoll_fd = -1;  // the library's
    core::FdWatcher watcher;
    core::UvHandle<uv_timer_t, State> timer;
    bool again = false;                                                 // run again at once
    std::map<ServedRequest*, std::unique_ptr<ServedRequest>> requests;  // those that the library has

    State(core::Loop& l, HttpOptions o, std::vector<HttpRoute> r)
        : loop(l), options(std::move(o)), routes(std::move(r)) {}
    ~State() {
        // The handles first: stopping closes the descriptor that they watch.
        watcher.stop();
        timer.reset();
        for (const auto& [request, owned] : requests)
            request->abandon();  // the library does not stop while a connection is suspended
        if (daemon != nullptr) MHD_stop_daemon(daemon);
    }

    core::Result<void> start();
    int watch();
    unsigned connections() const;
    bool stuck();
    void turn();
    void turn_soon();
    void turn_in(std::uint64_t wait_ms);
    HttpReply answer(MHD_Connection* connection, const char* url, const char* method);
    const HttpReply* refuse(MHD_Connection* connection, const HttpQuery& query, HttpReply& reply) const;
    HttpReply dispatch(HttpQuery& query) const;
    std::string known_paths() const;
    static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                                 const char* version, const char* upload, std::size_t* upload_size, void** state);
    static void on_over(void* self, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
        static_cast<State*>(self)->requests.erase(static_cast<ServedRequest*>(*state));
        *state = nullptr;
    }
};

core::Result<void> HttpServer::State::start() {
    auto fd = bind_listener(options.listen);
    if (!fd) return fail(fd.error());
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    ::getsockname(fd->get(), reinterpret_cast<sockaddr*>(&bound), &length);
    address = core::SocketAddress::from(reinterpret_cast<const sockaddr*>(&bound)).value_or(options.listen);

    daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr,
                              &State::on_request, this, MHD_OPTION_EXTERNAL_LOGGER, &log_library,
                              nullptr,                              // first, so that it serves the others
                              MHD_OPTION_LISTEN_SOCKET, fd->get(),  //
                              MHD_OPTION_CONNECTION_LIMIT, options.max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                              options.connection_memory, MHD_OPTION_CONNECTION_TIMEOUT, options.idle_timeout_s,  //
                              MHD_OPTION_STRICT_FOR_CLIENT, 1,                                                   //
                              MHD_OPTION_NOTIFY_COMPLETED, &State::on_over, this,                                //
                              MHD_OPTION_END);
    if (daemon == nullptr) return fail(Code::kSocket, "the HTTP library did not start on " + address.text());
    fd->release();  // the library closes it
    const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == nullptr) return fail(Code::kInternal, "the HTTP library has no epoll descriptor");
    epoll_fd = info->epoll_fd;
    int rc = timer.open(this, [this](uv_timer_t* t) { return uv_timer_init(loop.raw(), t); });
    if (rc == 0) rc = watch();
    if (rc != 0) return fail(Code::kInternal, "can't watch the HTTP sockets", {}, -rc);
    turn();
    return {};
}

int HttpServer::State::watch() {
    return watcher.start(loop, epoll_fd, UV_READABLE, [this](int, int) { turn(); });
}

unsigned HttpServer::State::connections() const {
    const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info == nullptr ? 0 : info->num_connections;
}

/// True if a connection waits, none is open, and the library can't accept: no descriptors are left. It would be run
/// again at once, forever.
bool HttpServer::State::stuck() {
    const auto waiting = [this] {
        pollfd fd{epoll_fd, POLLIN, 0};
        return connections() == 0 && ::poll(&fd, 1, 0) > 0;
    };
    if (!waiting()) return false;
    MHD_run(daemon);  // accept what has just arrived
    return waiting();
}

void HttpServer::State::turn() {
    // At the connection limit the library stops listening, and listens again only in the run after
    // a connection closed.
    unsigned before = 0;
    again = false;
    do {
        before = connections();
        MHD_run(daemon);
    } while (connections() < before);
    if (stuck())
        watcher.stop();
    else if (!watcher.active())
        watch();
    if (!watcher.active()) {
        turn_in(kStuckPauseMs);
        return;
    }
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    const bool waits = MHD_get_timeout(daemon, &wait_ms) == MHD_YES;
    if (again) {
        turn_in(0);
    } else if (waits) {
        turn_in(wait_ms);
    } else {
        uv_timer_stop(timer.get());
    }
}

void HttpServer::State::turn_soon() {
    again = true;
    if (timer) turn_in(0);
}

void HttpServer::State::turn_in(std::uint64_t wait_ms) {
    uv_timer_start(
        timer.get(),
        [](uv_timer_t* t) {
            if (State* self = core::UvHandle<uv_timer_t, State>::owner(t)) self->turn();
        },
        wait_ms, 0);
}

std::string HttpServer::State::known_paths() const {
    std::string out;
    for (const HttpRoute& route : routes) {
        if (route.prefix) continue;
        out += fmt::format("  {}{}\n", route.method == "GET" ? "" : route.method + " ", route.path);
    }
    return out;
}

HttpReply HttpServer::State::dispatch(HttpQuery& query) const {
    std::string methods;
    for (const HttpRoute& route : routes) {
        const bool here = query.path == route.path || (route.prefix && query.path.starts_with(route.path));
        if (!here) continue;
        if (route.method == query.method) {
            if (query.method == "POST" && query.header("x-postern").empty()) {
                return HttpReply::text(403, "403: this changes something: send the header \"X-Postern: 1\".\n");
            }
            query.rest = query.path.substr(route.path.size());
            return route.handler(query);
        }
        core::add_item(methods, route.method);
    }
    if (methods.empty()) return HttpReply::text(404, "404: there is no such page. There are:\n" + known_paths());
    if (methods == "GET") methods = "GET, HEAD";
    HttpReply reply = HttpReply::text(405, fmt::format("405: this page takes {} only.\n", methods));
    reply.headers.emplace_back("Allow", methods);
    return reply;
}

/// nullptr if the request is allowed; else the refusal, in `reply`.
const HttpReply* HttpServer::State::refuse(MHD_Connection* connection, const HttpQuery& query, HttpReply& reply) const {
    const auto& ip = query.client.ip;
    if (std::none_of(options.allow.begin(), options.allow.end(), [&](const auto& p) { return p.contains(ip); })) {
        reply = HttpReply::text(403,
                                fmt::format("403: {} may not ask here. Add its network to [http] allow.\n", ip.text()));
        return &reply;
    }
    const char* host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    // HTTP/1.0 may have no Host (in 1.1 the library requires it); a browser always sends one.
    if (host != nullptr && !host_allowed(host, options.allow_hosts)) {
        reply = HttpReply::text(
            421, fmt::format("421: this is postern, and it does not answer as {}. If that name is this host, "
                             "add it to [http] allow_hosts.\n",
                             shown(host)));
        return &reply;
    }
    return nullptr;
}

HttpReply HttpServer::State::answer(MHD_Connection* connection, const char* url, const char* method) {
    HttpQuery query;
    query.method = std::string_view(method) == "HEAD" ? "GET" : method;
    query.path = url;
    if (const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)) {
        if (const auto client = core::SocketAddress::from(info->client_addr)) query.client = unmapped(*client);
        query.from_this_host = is_this_host(query.client.ip, connection);
    }
    for (const char* name : {"accept", "accept-encoding", "accept-language", "if-none-match", "x-postern",
                             "x-prometheus-scrape-timeout-seconds", "last-event-id"}) {
        if (const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name))
            query.headers.emplace_back(name, value);
    }
    HttpReply refusal;
    if (const HttpReply* refused = refuse(connection, query, refusal)) return *refused;
    if (query.method != "GET" && query.method != "POST") {
        HttpReply reply = HttpReply::text(405, "405: GET and HEAD only.\n");
        reply.headers.emplace_back("Allow", "GET, HEAD");
        return reply;
    }
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &collect, &query.arguments);
    try {
        HttpReply reply = dispatch(query);
        // The library would add a chunked end, which HEAD must not have.
        if (std::string_view(method) == "HEAD") reply.stream = {};
        return reply;
    } catch (const std::exception& error) {
        core::log_error("http_failed", "a page could not be made",
                        {{"path", shown(query.path)}, {"error", error.what()}});
        return HttpReply::text(500, "500: this page could not be made; the log says why.\n");
    }
}

MHD_Result HttpServer::State::on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                                         const char*, const char*, std::size_t* upload_size, void** served) {
    // The library calls once with the headers, then with the body, then at its end, then after every resume.
    State& state = *static_cast<State*>(self);
    auto* request = static_cast<ServedRequest*>(*served);
    if (request == nullptr) {
        auto fresh = std::make_unique<ServedRequest>(state.loop, connection, [&state] { state.turn_soon(); });
        *served = request = fresh.get();
        state.requests.emplace(request, std::move(fresh));
        const char* length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
        const char* coding =
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING);
        const bool large = coding != nullptr || (length != nullptr && std::strtoull(length, nullptr, 10) > kMaxUpload);
        if (!large) return MHD_YES;
    }
    if (*upload_size != 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    if (!request->begun()) request->begin(state.answer(connection, url, method));
    return request->proceed() ? MHD_YES : MHD_NO;
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::~HttpServer() = default;

core::Result<std::unique_ptr<HttpServer>> HttpServer::start(core::Loop& loop, HttpOptions options,
                                                            std::vector<HttpRoute> routes) {
    auto state = std::make_unique<State>(loop, std::move(options), std::move(routes));
    if (auto started = state->start(); !started) return fail(started.error());
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

core::SocketAddress HttpServer::address() const {
    return state_->address;
}

void HttpServer::set_access(std::vector<core::IpPrefix> allow, std::vector<std::string> allow_hosts) {
    state_->options.allow = std::move(allow);
    state_->options.allow_hosts = std::move(allow_hosts);
}

}  // namespace postern::agent
