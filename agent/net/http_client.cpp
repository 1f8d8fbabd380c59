// SPDX-License-Identifier: Apache-2.0
#include "agent/net/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>

#include "agent/net/certificate_name.h"
#include "agent/net/http_errors.h"
#include "core/text.h"
#include "core/trust_store.h"

namespace postern::agent {
namespace {

using core::Code;
using core::IpAddress;
using core::Micros;

constexpr std::size_t kMaxHeaderBytes = 64 << 10;
constexpr long kConnectionLifeS = 600;  // so that a moved API address is noticed

void init_curl() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

struct FreeEasy {
    void operator()(CURL* p) const noexcept { curl_easy_cleanup(p); }
};
struct FreeMulti {
    void operator()(CURLM* p) const noexcept { curl_multi_cleanup(p); }
};
struct FreeList {
    void operator()(curl_slist* p) const noexcept { curl_slist_free_all(p); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using Multi = std::unique_ptr<CURLM, FreeMulti>;
using List = std::unique_ptr<curl_slist, FreeList>;

void add(List& list, const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer != nullptr) {
        (void)list.release();
        list.reset(longer);
    }
}

/// One exchange: the request, what curl needs until it ends, the response so far.
struct Exchange {
    HttpRequest request;
    UrlParts url;
    std::string proxy, proxy_scheme;
    Micros started_us = 0;
    HttpResponse response;
    std::size_t header_bytes = 0;
    bool too_large = false;
    bool connected = false;  // TCP, to the server or the proxy
    int sendings = 0;
    std::array<char, CURL_ERROR_SIZE> error_text{};
    List headers, resolve;
    Easy easy;
};

std::size_t on_body(char* data, std::size_t, std::size_t n, void* to) {
    auto& x = *static_cast<Exchange*>(to);
    if (x.response.body.size() + n > x.request.max_body) {
        x.too_large = true;
        return 0;
    }
    x.response.body.append(data, n);
    return n;
}

std::size_t on_header(char* data, std::size_t, std::size_t n, void* to) {
    auto& x = *static_cast<Exchange*>(to);
    x.header_bytes += n;
    if (x.header_bytes > kMaxHeaderBytes) {
        x.too_large = true;
        return 0;
    }
    std::string_view line(data, n);
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n'))
        line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {
        x.response.headers.clear();  // the headers so far belonged to a 100
        return n;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return n;
    std::string name = core::lowered(line.substr(0, colon));
    line.remove_prefix(colon + 1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t'))
        line.remove_prefix(1);
    x.response.headers.emplace_back(std::move(name), std::string(line));
    return n;
}

/// Called before each send. curl resends by itself when a reused connection turns out dead, but a signature is valid
/// for one send only: the caller retries with a new one.
int on_request(void* to, char*, char*, int, int) {
    auto& x = *static_cast<Exchange*>(to);
    return ++x.sendings > 1 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

bool has_header(const HttpRequest& request, std::string_view name) {
    return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& h) {
        return h.first.size() == name.size() && strncasecmp(h.first.data(), name.data(), name.size()) == 0;
    });
}

void set_headers(Exchange& x) {
    for (const auto& [name, value] : x.request.headers)
        add(x.headers, name + (value.empty() ? ";" : ": " + value));
    // curl adds a content type to every POST; unsigned, it would break the signature.
    if (!has_header(x.request, "content-type")) add(x.headers, "Content-Type:");
    if (!has_header(x.request, "user-agent")) add(x.headers, "User-Agent: postern/" POSTERN_VERSION);
    add(x.headers, "Expect:");
}

CURLcode on_tls(CURL*, void* ssl_ctx, void* to) {
    return check_name_of_refused(ssl_ctx, static_cast<Exchange*>(to)->url.host) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/// Whom to trust: the request's CA file, else the host's store; of a proxy with TLS the host's store. Always set, as curl
/// knows the place of the distribution that built it.
void set_trust(CURL* h, const std::string& ca_file) {
    const core::TrustStore system = core::system_trust_store();
    const core::TrustStore store = ca_file.empty() ? system : core::TrustStore{ca_file, {}, {}};
    const auto set = [h](CURLoption option, const std::string& path) {
        curl_easy_setopt(h, option, path.empty() ? nullptr : path.c_str());
    };
    set(CURLOPT_CAINFO, store.file);
    set(CURLOPT_CAPATH, store.directory);
    set(CURLOPT_PROXY_CAINFO, system.file);
    set(CURLOPT_PROXY_CAPATH, system.directory);
}

/// Sets everything but the addresses. The handle keeps pointers into `x`, which must not move.
bool prepare(Exchange& x, Micros left_us) {
    x.easy.reset(curl_easy_init());
    CURL* h = x.easy.get();
    if (h == nullptr) return false;
    set_headers(x);
    const auto ms = [](Micros us) { return static_cast<long>(std::max<Micros>(us / core::kMillisecond, 1)); };
    curl_easy_setopt(h, CURLOPT_URL, x.request.url.c_str());
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, x.url.scheme.c_str());
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, ms(std::min(x.request.connect_timeout_us, left_us)));
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, ms(left_us));
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 16L);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME,
                     static_cast<long>(std::max<Micros>(left_us * 4 / 5 / core::kSecond, 1)));
    curl_easy_setopt(h, CURLOPT_MAXLIFETIME_CONN, kConnectionLifeS);
    if (x.request.send_once) {
        curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, on_request);
        curl_easy_setopt(h, CURLOPT_PREREQDATA, &x);
    }
    curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, x.headers.get());
    curl_easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, x.error_text.data());
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &x);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, &x);
    curl_easy_setopt(h, CURLOPT_PRIVATE, &x);
    // The proxy was chosen here; curl must not read the environment.
    curl_easy_setopt(h, CURLOPT_PROXY, x.proxy.c_str());
    curl_easy_setopt(h, CURLOPT_NOPROXY, x.proxy.empty() ? "*" : "");
    // A proxy with TLS of its own would be compared with this host's name.
    if (x.url.scheme == "https" && x.proxy_scheme != "https") {
        curl_easy_setopt(h, CURLOPT_SSL_CTX_FUNCTION, on_tls);
        curl_easy_setopt(h, CURLOPT_SSL_CTX_DATA, &x);
    }
    set_trust(h, x.request.ca_file);
#if LIBCURL_VERSION_NUM >= 0x075700
    // curl keeps the CA certificates for a day: a file that was replaced counts from the next connection on. The system's
    // store takes longer to load and changes rarely.
    curl_easy_setopt(h, CURLOPT_CA_CACHE_TIMEOUT, x.request.ca_file.empty() ? 60L : 0L);
#endif
    if (x.request.method != "GET") {
        // POST form even for PUT: it sends Content-Length: 0 with an empty body.
        curl_easy_setopt(h, CURLOPT_POST, 1L);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(x.request.body.size()));
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, x.request.body.c_str());
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, x.request.method.c_str());
    }
    return true;
}

/// curl's own resolver would use the host's DNS: every name it needs is given.
void pin(Exchange& x, const UrlParts& name, const std::vector<IpAddress>& addresses) {
    std::string line = name.host + ":" + std::to_string(name.port) + ":";
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        line += i == 0 ? "" : ",";
        line += addresses[i].is_v6() ? "[" + addresses[i].text() + "]" : addresses[i].text();
    }
    add(x.resolve, line);
    curl_easy_setopt(x.easy.get(), CURLOPT_RESOLVE, x.resolve.get());
}

core::Result<HttpResponse> outcome(Exchange& x, CURLcode rc) {
    if (rc == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(x.easy.get(), CURLINFO_RESPONSE_CODE, &status);
        x.response.status = static_cast<int>(status);
        return std::move(x.response);
    }
    long sys = 0, verify = 0, proxy_verify = 0, proxy_status = 0;
    curl_off_t connect_us = 0, tls_us = 0, total_us = 0;
    const char* ip = nullptr;
    curl_easy_getinfo(x.easy.get(), CURLINFO_OS_ERRNO, &sys);
    curl_easy_getinfo(x.easy.get(), CURLINFO_SSL_VERIFYRESULT, &verify);
    curl_easy_getinfo(x.easy.get(), CURLINFO_PROXY_SSL_VERIFYRESULT, &proxy_verify);
    curl_easy_getinfo(x.easy.get(), CURLINFO_TOTAL_TIME_T, &total_us);
    curl_easy_getinfo(x.easy.get(), CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    curl_easy_getinfo(x.easy.get(), CURLINFO_CONNECT_TIME_T, &connect_us);
    curl_easy_getinfo(x.easy.get(), CURLINFO_APPCONNECT_TIME_T, &tls_us);
    curl_easy_getinfo(x.easy.get(), CURLINFO_PRIMARY_IP, &ip);
    const TransportFailure failure{.target = x.url.host + ":" + std::to_string(x.url.port),
                                   .ip = ip == nullptr ? "" : ip,
                                   .proxy = proxy_label(x.proxy),
                                   .proxy_scheme = x.proxy_scheme,
                                   .ca_file = x.request.ca_file,
                                   .text = x.error_text.data(),
                                   .proxy_status = proxy_status,
                                   .sys = static_cast<int>(sys),
                                   .verify_result = verify,
                                   .proxy_verify_result = proxy_verify,
                                   .connected = connect_us > 0 || x.connected,
                                   .secure = x.url.scheme == "https",
                                   .in_tls = x.url.scheme == "https" && tls_us == 0,
                                   .too_large = x.too_large,
                                   .max_body = x.request.max_body,
                                   .elapsed_us = total_us};
    return core::fail(explain_transport_failure(static_cast<int>(rc), failure));
}

}  // namespace

struct HttpClient::State {
    /// A request between send() and its callback. Waits for addresses until `exchange` has a handle.
    struct Transfer {
        std::unique_ptr<Exchange> exchange;
        Callback done;
        std::vector<std::pair<UrlParts, std::vector<IpAddress>>> names;  // to be resolved, in order
    };

    core::Loop& loop;
    core::Clock& clock;
    Lookup& lookup;
    Environment environment;
    std::map<curl_socket_t, core::FdWatcher> sockets;
    core::Timer timer;     // curl's
    core::Timer delivery;  // ours
    std::map<RequestId, Transfer> transfers;
    std::deque<std::pair<RequestId, core::Result<HttpResponse>>> finished;
    RequestId next_id = 1;
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
    Multi multi;  // created by the first request: with fixed addresses only, curl is never started

    State(core::Loop& l, core::Clock& c, Lookup& n, Environment e)
        : loop(l), clock(c), lookup(n), environment(std::move(e)), timer(c), delivery(c) {}

    ~State() {
        *alive = false;
        for (auto& [id, transfer] : transfers)
            detach(transfer);
        transfers.clear();
        multi.reset();  // closes its sockets through on_socket, which needs `sockets`
    }

    void detach(Transfer& transfer) {
        if (transfer.exchange->easy != nullptr && multi != nullptr) {
            curl_multi_remove_handle(multi.get(), transfer.exchange->easy.get());
        }
    }

    void open_multi() {
        if (multi != nullptr) return;
        init_curl();
        multi.reset(curl_multi_init());
        curl_multi_setopt(multi.get(), CURLMOPT_SOCKETFUNCTION, &State::on_socket);
        curl_multi_setopt(multi.get(), CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi.get(), CURLMOPT_TIMERFUNCTION, &State::on_timeout);
        curl_multi_setopt(multi.get(), CURLMOPT_TIMERDATA, this);
        curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, 16L);
    }

    static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*) {
        auto* e = static_cast<State*>(self);
        if (what == CURL_POLL_REMOVE) {
            e->sockets.erase(fd);
            return 0;
        }
        // It waits for something to read alone where TCP is connected. Its connect time knows less: 7.88 loses it when TLS
        // fails, 8.14 has none until TLS or the proxy is through.
        Exchange* x = nullptr;
        if (what == CURL_POLL_IN && curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x) == CURLE_OK && x != nullptr)
            x->connected = true;
        const int events =
            ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) | ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0);
        e->sockets[fd].start(e->loop, fd, events, [e, fd](int status, int ready) {
            // On an error let curl read and write to find the cause: given "error" it reports only that.
            int flags = status < 0 ? CURL_CSELECT_IN | CURL_CSELECT_OUT : 0;
            if ((ready & UV_READABLE) != 0) flags |= CURL_CSELECT_IN;
            if ((ready & UV_WRITABLE) != 0) flags |= CURL_CSELECT_OUT;
            e->act(fd, flags);
        });
        return 0;
    }
    /// Only starts the timer: curl forbids reentry from here, so "at once" becomes a millisecond.
    static int on_timeout(CURLM*, long ms, void* self) {
        auto* e = static_cast<State*>(self);
        if (ms < 0) {
            e->timer.stop();
        } else {
            e->timer.start_in(std::max(ms, 1L) * core::kMillisecond, [e] { e->act(CURL_SOCKET_TIMEOUT, 0); });
        }
        return 0;
    }
    void act(curl_socket_t fd, int flags) {
        int running = 0;
        curl_multi_socket_action(multi.get(), fd, flags, &running);
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode rc = message->data.result;
            CURL* easy = message->easy_handle;
            const auto it = std::find_if(transfers.begin(), transfers.end(),
                                         [&](const auto& t) { return t.second.exchange->easy.get() == easy; });
            if (it == transfers.end()) continue;
            finish(it->first, outcome(*it->second.exchange, rc));
        }
    }

    /// The callback runs from the clock, never inside curl or send().
    void finish(RequestId id, core::Result<HttpResponse> result) {
        finished.emplace_back(id, std::move(result));
        if (!delivery.pending()) delivery.start_in(0, [this] { deliver(); });
    }
    void deliver() {
        const auto still = alive;
        auto batch = std::exchange(finished, {});
        for (auto& [id, result] : batch) {
            auto node = transfers.extract(id);
            if (node.empty()) continue;  // cancelled meanwhile
            detach(node.mapped());
            node.mapped().done(std::move(result));
            if (!*still) return;
        }
    }

    /// Resolves the next name without addresses; when all are known the transfer starts.
    void proceed(RequestId id) {
        const auto it = transfers.find(id);
        if (it == transfers.end()) return;
        for (auto& [name, addresses] : it->second.names) {
            if (!addresses.empty()) continue;
            lookup.resolve(name.host, [this, id, guard = std::weak_ptr<bool>(alive)](core::Result<LookupResult> found) {
                if (!guard.expired()) resolved(id, std::move(found));
            });
            return;
        }
        start(id, it->second);
    }
    void resolved(RequestId id, core::Result<LookupResult> found) {
        const auto it = transfers.find(id);
        if (it == transfers.end()) return;
        if (!found) return finish(id, core::fail(found.error()));
        for (auto& [name, addresses] : it->second.names) {
            if (!addresses.empty()) continue;
            addresses = found->addresses;
            break;
        }
        proceed(id);
    }
    void start(RequestId id, Transfer& transfer) {
        Exchange& x = *transfer.exchange;
        const Micros left = x.started_us + x.request.timeout_us - clock.mono_us();
        if (left <= 0) {
            return finish(
                id, core::fail(Code::kTimeout, core::message("resolving {} took all the time allowed", x.url.host),
                               "check the upstream DNS servers"));
        }
        open_multi();
        if (!prepare(x, left)) return finish(id, core::fail(Code::kInternal, "out of memory for an HTTP request"));
        for (const auto& [name, addresses] : transfer.names)
            pin(x, name, addresses);
        if (curl_multi_add_handle(multi.get(), x.easy.get()) != CURLM_OK) {
            finish(id, core::fail(Code::kInternal, "cannot start an HTTP request"));
        }
    }
};

HttpClient::HttpClient(core::Loop& loop, core::Clock& clock, Lookup& lookup, Environment environment)
    : state_(std::make_unique<State>(loop, clock, lookup, std::move(environment))) {}

HttpClient::~HttpClient() = default;

HttpClient::RequestId HttpClient::send(HttpRequest request, Callback done) {
    State& e = *state_;
    const RequestId id = e.next_id++;
    State::Transfer& transfer = e.transfers[id];
    transfer.done = std::move(done);
    transfer.exchange = std::make_unique<Exchange>();
    Exchange& x = *transfer.exchange;
    x.request = std::move(request);
    x.started_us = e.clock.mono_us();
    const auto url = split_url(x.request.url);
    if (!url) {
        e.finish(id, core::fail(Code::kUsage, "not an http or https URL", "expected https://host[:port]"));
        return id;
    }
    x.url = *url;
    if (x.request.allow_proxy) x.proxy = proxy_for(x.request.url, e.environment);
    const auto need = [&](const UrlParts& name) {
        if (!IpAddress::parse(name.host)) transfer.names.emplace_back(name, std::vector<IpAddress>{});
    };
    if (x.proxy.empty()) {
        need(x.url);
    } else if (const auto proxy = split_proxy(x.proxy)) {
        x.proxy_scheme = proxy->scheme;
        need(*proxy);
        if (proxy->scheme == "socks4" || proxy->scheme == "socks5") need(x.url);  // these need an address
    } else {
        e.finish(id, core::fail(Code::kUsage, "the proxy variable is not a URL",
                                "expected http://host:port in https_proxy"));
        return id;
    }
    e.proceed(id);
    return id;
}

void HttpClient::cancel(RequestId id) {
    auto node = state_->transfers.extract(id);
    if (!node.empty()) state_->detach(node.mapped());
}

}  // namespace postern::agent
