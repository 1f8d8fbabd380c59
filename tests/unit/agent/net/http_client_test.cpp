// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <optional>

#include "agent/net/http_client.h"
#include "agent/net/http_errors.h"
#include "tests/unit/agent/net/loopback.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;

namespace {

Environment table(std::map<std::string, std::string> values) {
    return [values](const std::string& name) {
        const auto it = values.find(name);
        return it == values.end() ? std::string() : it->second;
    };
}

struct FixedLookup final : Lookup {
    explicit FixedLookup(core::Clock& c) : timer(c) {}
    void resolve(const std::string& host, Callback done) override {
        asked.push_back(host);
        timer.start_in(0, [this, done] {
            if (fail) return done(core::fail(Code::kDnsFailed, "no such host"));
            done(LookupResult{.addresses = {core::IpAddress::v4(0x7f000001)}, .ttl_s = 60});
        });
    }
    std::vector<std::string> asked;
    bool fail = false;
    core::Timer timer;
};

struct Bench {
    core::Loop loop;
    core::SystemClock clock{loop};
    FixedLookup lookup{clock};
    std::unique_ptr<HttpClient> http = std::make_unique<HttpClient>(loop, clock, lookup, table({}));

    core::Result<HttpResponse> get(HttpRequest request) {
        std::optional<core::Result<HttpResponse>> result;
        http->send(std::move(request), [&](auto r) { result = std::move(r); });
        CHECK_FALSE(result);
        run_until(loop, [&] { return result.has_value(); });
        return *result;
    }
    core::Result<HttpResponse> get(const std::string& url) {
        HttpRequest request;
        request.url = url;
        return get(std::move(request));
    }
};

std::string ok(const std::string& body, const std::string& more = "") {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\nX-Upper: Yes\r\n" + more +
           "\r\n" + body;
}

}  // namespace

TEST_CASE("http: status, headers and body come back, and the connection is used again", "[http]") {
    HttpServer server([](const std::string&) { return ok("hello"); });
    Bench b;
    for (int i = 0; i < 3; ++i) {
        const auto r = b.get(server.url("/a?b=c"));
        REQUIRE(r);
        CHECK(r->status == 200);
        CHECK(r->body == "hello");
        CHECK(r->header("x-upper") == "Yes");
        CHECK(r->header("missing").empty());
    }
    CHECK(server.connections() == 1);
    CHECK(b.lookup.asked.empty());
}

TEST_CASE("http: a POST with an empty body has a length and no content type of curl's own", "[http]") {
    std::string seen;
    HttpServer server([&](const std::string& request) {
        seen = request;
        return ok("", "Connection: close\r\n");
    });
    Bench b;
    HttpRequest request;
    request.method = "POST";
    request.url = server.url("/?A=1");
    request.headers = {{"x-acs-action", "Test"}, {"accept", "application/json"}};
    REQUIRE(b.get(request));
    CHECK(seen.starts_with("POST /?A=1 HTTP/1.1\r\n"));
    CHECK(seen.find("Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n") != std::string::npos);
    CHECK(seen.find("Content-Length: 0\r\n") != std::string::npos);
    CHECK(seen.find("Content-Type") == std::string::npos);
    CHECK(seen.find("Expect") == std::string::npos);
    CHECK(seen.find("x-acs-action: Test\r\n") != std::string::npos);
    CHECK(seen.find("User-Agent: postern/") != std::string::npos);
    request.method = "PUT";
    request.body = "data";
    REQUIRE(b.get(request));
    CHECK(seen.starts_with("PUT /?A=1 HTTP/1.1\r\n"));
    CHECK(seen.ends_with("\r\n\r\ndata"));
}

TEST_CASE("http: host names go through our own lookup, never the system's", "[http]") {
    HttpServer server([](const std::string& request) { return ok(request.substr(0, 60)); });
    Bench b;
    const auto r = b.get("http://api.invalid:" + std::to_string(server.port()) + "/x");
    REQUIRE(r);
    CHECK(r->body.find("Host: api.invalid:") != std::string::npos);
    CHECK(b.lookup.asked == std::vector<std::string>{"api.invalid"});
    b.lookup.fail = true;
    const auto failed = b.get("http://other.invalid:" + std::to_string(server.port()) + "/x");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == Code::kDnsFailed);
}

TEST_CASE("http: every failure has its own code and words, without path or query", "[http]") {
    Bench b;
    std::uint16_t closed_port = 0;
    { const auto closed = bound_socket(SOCK_STREAM, &closed_port); }
    const auto refused = b.get("http://127.0.0.1:" + std::to_string(closed_port) + "/?secret=value1");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kConnectFailed);
    CHECK(refused.error().sys == ECONNREFUSED);
    CHECK(refused.error().text().find("value1") == std::string::npos);

    HttpServer reset([](const std::string&) { return std::string(); });
    const auto r = b.get(reset.url("/?secret=value1"));
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Code::kHttpFailed);
    CHECK(r.error().text().find("value1") == std::string::npos);

    HttpServer large([](const std::string&) { return ok(std::string(5000, 'x')); });
    HttpRequest capped;
    capped.url = large.url();
    capped.max_body = 4096;
    const auto too_large = b.get(capped);
    REQUIRE_FALSE(too_large);
    CHECK(too_large.error().code == Code::kTooLarge);

    HttpServer cut([](const std::string&) {
        return std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf");
    });
    const auto truncated = b.get(cut.url());
    REQUIRE_FALSE(truncated);
    CHECK(truncated.error().code == Code::kHttpFailed);
    CHECK(truncated.error().what.find("in the middle of its reply") != std::string::npos);

    HttpServer other([](const std::string&) { return std::string("SSH-2.0-OpenSSH\r\nConnection: close\r\n"); });
    const auto not_http = b.get(other.url());
    REQUIRE_FALSE(not_http);
    CHECK(not_http.error().code == Code::kHttpFailed);

    // Something that accepts and waits for a line that TLS never sends.
    HttpServer plain([](const std::string&) { return std::string(); });
    HttpRequest tls;
    tls.url = "https://127.0.0.1:" + std::to_string(plain.port()) + "/";
    tls.timeout_us = 200 * core::kMillisecond;
    const auto not_tls = b.get(tls);
    REQUIRE_FALSE(not_tls);
    CHECK(not_tls.error().code == Code::kTimeout);
    INFO(not_tls.error().text());
    CHECK(not_tls.error().what.starts_with("no TLS handshake with 127.0.0.1:"));

    HttpServer hang([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\n"); });
    HttpRequest impatient;
    impatient.url = hang.url();
    impatient.timeout_us = 100 * core::kMillisecond;
    const auto late = b.get(impatient);
    REQUIRE_FALSE(late);
    CHECK(late.error().code == Code::kTimeout);

    for (const char* bad : {"", "ftp://host/", "http://", "https://user:pw@host/", "http://h:99999/", "http://h:x/"}) {
        const auto wrong = b.get(bad);
        REQUIRE_FALSE(wrong);
        CHECK(wrong.error().code == Code::kUsage);
    }
}

TEST_CASE("http: a request that may be sent once is not sent again on a new connection by the library", "[http]") {
    std::atomic<int> seen = 0;
    // The second request on a connection is read, then answered with a reset.
    HttpServer server([&](const std::string&) { return ++seen == 2 ? std::string() : ok("fine"); });
    Bench b;
    HttpRequest request;
    request.method = "POST";
    request.url = server.url();
    request.send_once = true;
    REQUIRE(b.get(request));
    const auto dropped = b.get(request);
    REQUIRE_FALSE(dropped);
    CHECK(dropped.error().code == Code::kHttpFailed);
    INFO(dropped.error().what);
    CHECK(dropped.error().what.find("dropped a kept connection") != std::string::npos);
    CHECK(seen == 2);
    REQUIRE(b.get(request));
    REQUIRE(b.get(request));
    CHECK(seen == 4);
    CHECK(server.connections() >= 2);
    CHECK(server.connections() <= 3);  // kept where the server keeps them
}

TEST_CASE("http: redirects are replies, not followed", "[http]") {
    HttpServer server([](const std::string&) {
        return std::string("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    });
    Bench b;
    const auto r = b.get(server.url());
    REQUIRE(r);
    CHECK(r->status == 302);
}

TEST_CASE("http: nothing is called back after a cancel or the end of the client", "[http]") {
    HttpServer hang([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\n"); });
    Bench b;
    bool called = false;
    HttpRequest request;
    request.url = hang.url();
    const auto id = b.http->send(request, [&](auto) { called = true; });
    b.http->cancel(id);
    b.http->cancel(id);
    request.url = "http://name.invalid/";
    b.http->send(request, [&](auto) { called = true; });
    request.url = hang.url();
    b.http->send(request, [&](auto) { called = true; });
    for (int i = 0; i < 50; ++i)
        b.loop.poll();
    b.http.reset();
    for (int i = 0; i < 50; ++i)
        b.loop.poll();
    CHECK_FALSE(called);
    // The client is destroyed by its own callback.
    HttpServer server([](const std::string&) { return ok("x"); });
    b.http = std::make_unique<HttpClient>(b.loop, b.clock, b.lookup, table({}));
    request.url = server.url();
    b.http->send(request, [&](auto) {
        b.http.reset();
        called = true;
    });
    run_until(b.loop, [&] { return called; });
}

TEST_CASE("http: a proxy is used only where the variables say so", "[http]") {
    std::string seen;
    HttpServer proxy([&](const std::string& request) {
        seen = request;
        return ok("from the proxy", "Connection: close\r\n");
    });
    Bench b;
    const std::string address = "http://127.0.0.1:" + std::to_string(proxy.port());
    b.http = std::make_unique<HttpClient>(b.loop, b.clock, b.lookup,
                                          table({{"http_proxy", address}, {"no_proxy", "direct.example"}}));
    const auto r = b.get("http://api.invalid/path");
    REQUIRE(r);
    CHECK(r->body == "from the proxy");
    CHECK(seen.starts_with("GET http://api.invalid/path HTTP/1.1\r\n"));
    CHECK(b.lookup.asked.empty());  // the proxy resolves it
    HttpRequest never;
    never.url = "http://api.invalid:" + std::to_string(proxy.port()) + "/direct";
    never.allow_proxy = false;
    REQUIRE(b.get(never));
    CHECK(seen.starts_with("GET /direct HTTP/1.1\r\n"));
}

TEST_CASE("http: a silent proxy is named, with the time that has passed", "[http]") {
    std::uint16_t port = 0;
    const auto silent = bound_socket(SOCK_STREAM, &port);  // accepts, and says nothing
    REQUIRE(::listen(silent.get(), 16) == 0);
    const std::string proxy = "127.0.0.1:" + std::to_string(port);
    struct Case {
        std::string scheme, url, what;
    };
    const Case cases[] = {
        {"http", "https://api.invalid/", "the proxy " + proxy + " did not answer CONNECT api.invalid:443 for "},
        {"https", "https://api.invalid/", "no TLS handshake with the proxy " + proxy},
        {"socks5h", "https://api.invalid/",
         "the proxy " + proxy + " did not answer the request for api.invalid:443 for "},
        {"http", "http://api.invalid/",
         "no complete reply from api.invalid:80 through the proxy " + proxy + " within "},
    };
    for (const auto& c : cases) {
        INFO(c.scheme << " to " << c.url);
        Bench b;
        b.http =
            std::make_unique<HttpClient>(b.loop, b.clock, b.lookup, table({{"all_proxy", c.scheme + "://" + proxy}}));
        HttpRequest request;
        request.url = c.url;
        request.connect_timeout_us = 200 * core::kMillisecond;  // the reply may take longer: 400 ms
        request.timeout_us = 400 * core::kMillisecond;
        const core::Micros before = b.clock.mono_us();
        const auto r = b.get(request);
        const core::Micros passed = b.clock.mono_us() - before;
        REQUIRE_FALSE(r);
        INFO(r.error().text());
        CHECK(r.error().code == Code::kTimeout);
        CHECK(r.error().what.starts_with(c.what));
        const std::string& what = r.error().what;
        const auto told = std::stod(what.substr(what.find_last_of(' ', what.size() - 3)));
        CHECK(told > 0);
        CHECK(told * (r.error().what.ends_with(" ms") ? 1e3 : 1e6) <= static_cast<double>(passed) + 1e5);
    }
}

TEST_CASE("http: a proxy that does not let us through means that the host is out of reach", "[http]") {
    for (const int status : {502, 403, 407}) {
        HttpServer proxy([&](const std::string&) {
            return "HTTP/1.1 " + std::to_string(status) + " No\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<no>";
        });
        Bench b;
        b.http = std::make_unique<HttpClient>(
            b.loop, b.clock, b.lookup,
            table({{"https_proxy", "http://u:secret@127.0.0.1:" + std::to_string(proxy.port())}}));
        const auto r = b.get("https://api.invalid/");
        REQUIRE_FALSE(r);
        INFO(r.error().text());
        CHECK(r.error().code == Code::kConnectFailed);  // the next host is tried, as without a proxy
        CHECK(r.error().what.find("HTTP " + std::to_string(status)) != std::string::npos);
        CHECK(r.error().text().find("secret") == std::string::npos);
        CHECK((r.error().hint.find("password") != std::string::npos) == (status == 407));
    }
}
