// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include "tests/unit/agent/serving/http_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

namespace {

std::vector<HttpRoute> echo_routes() {
    return {
        {"/echo", false, "GET",
         [](const HttpQuery& q) {
             std::string out = q.method + " " + q.path + " " + q.client.ip.text();
             for (const auto& [key, value] : q.arguments)
                 out += " " + key + "=" + value;
             return HttpReply::text(200, out);
         }},
        {"/sub/", true, "GET", [](const HttpQuery& q) { return HttpReply::text(200, "rest=" + q.rest); }},
        {"/act", false, "POST", [](const HttpQuery&) { return HttpReply::json(202, "{}"); }},
        {"/throws", false, "GET", [](const HttpQuery&) -> HttpReply { throw std::runtime_error("boom"); }},
        {"/cached", false, "GET",
         [](const HttpQuery&) {
             HttpReply reply = HttpReply::text(200, "x");
             reply.headers.emplace_back("Cache-Control", "max-age=2");
             return reply;
         }},
    };
}

}  // namespace

TEST_CASE("http: a page is served with the headers that every reply has", "[http]") {
    HttpFixture f(echo_routes());
    const auto reply = f.get("/echo?a=1&b=x%20y&flag");
    CHECK(status_of(reply) == 200);
    CHECK(body_of(reply) == "GET /echo 127.0.0.1 a=1 b=x y flag=");
    CHECK(has(reply, "X-Content-Type-Options: nosniff"));
    CHECK(has(reply, "Cache-Control: no-store"));
    CHECK(has(reply, "Content-Security-Policy: default-src 'none'"));
    CHECK_FALSE(has(reply, "Access-Control"));
    const auto cached = f.get("/cached");
    CHECK(has(cached, "Cache-Control: max-age=2"));
    CHECK_FALSE(has(cached, "no-store"));
}

TEST_CASE("http: HEAD gives the headers alone", "[http]") {
    HttpFixture f(echo_routes());
    const auto reply = f.ask("HEAD /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    CHECK(status_of(reply) == 200);
    CHECK(has(reply, "Content-Length: 19"));
    CHECK(body_of(reply).empty());
}

TEST_CASE("http: a connection is kept for several requests", "[http]") {
    HttpFixture f(echo_routes());
    const auto fd = f.connect();
    for (int i = 0; i < 3; ++i) {
        f.send(fd, "GET /sub/" + std::to_string(i) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        CHECK(has(f.read(fd, "rest="), "rest=" + std::to_string(i)));
    }
}

TEST_CASE("http: an unknown page lists the known ones, a wrong method the right one", "[http]") {
    HttpFixture f(echo_routes());
    const auto missing = f.get("/nowhere");
    CHECK(status_of(missing) == 404);
    CHECK(has(missing, "/echo"));
    CHECK(has(missing, "POST /act"));
    const auto post =
        f.ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
    CHECK(status_of(post) == 405);
    CHECK(has(post, "Allow: GET, HEAD"));
    CHECK(status_of(f.get("/act")) == 405);
    for (const char* method : {"PUT", "DELETE", "OPTIONS", "TRACE"}) {
        const auto reply =
            f.ask(std::string(method) + " /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        CHECK(status_of(reply) == 405);
        CHECK_FALSE(has(reply, "Access-Control"));
    }
}

TEST_CASE("http: what changes something needs a header that no web page can send", "[http]") {
    HttpFixture f(echo_routes());
    const std::string head = "POST /act HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n";
    CHECK(status_of(f.ask(head + "\r\n")) == 403);
    CHECK(status_of(f.ask(head + "X-Postern: 1\r\n\r\n")) == 202);
}

TEST_CASE("http: the Host header must name this host", "[http]") {
    HttpOptions options;
    options.allow_hosts = {"status.example.com"};
    HttpFixture f(echo_routes(), options);
    const auto ask = [&](const std::string& host) {
        return f.ask("GET /echo HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    };
    for (const char* good : {"localhost", "localhost:9853", "LOCALHOST.", "127.0.0.1", "127.0.0.1:80", "[::1]:9853",
                             "10.1.2.3", "Status.Example.com:1"}) {
        INFO(good);
        CHECK(status_of(ask(good)) == 200);
    }
    for (const char* bad : {"evil.example", "evil.example:9853", "127.0.0.1.evil.example", "localhost.evil.example", "",
                            "[::1", "a@localhost"}) {
        INFO(bad);
        CHECK(status_of(ask(bad)) >= 400);
    }
    CHECK(has(ask("evil.example"), "[http] allow_hosts"));
    // 1.1 without a Host is no valid request.
    CHECK(status_of(f.ask("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n")) == 400);
}

TEST_CASE("http: clients outside allow get 403, and a reload lets them in", "[http]") {
    HttpOptions options;
    options.allow = {*core::IpPrefix::parse("127.0.0.1/32")};
    HttpFixture f(echo_routes(), options);
    const std::string request = "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    CHECK(status_of(f.ask(request)) == 200);
    const auto refused = f.ask(request, "127.0.0.2");
    CHECK(status_of(refused) == 403);
    CHECK(has(refused, "[http] allow"));
    f.server->set_access({*core::IpPrefix::parse("127.0.0.0/8")}, {});
    CHECK(status_of(f.ask(request, "127.0.0.2")) == 200);
}

TEST_CASE("http: a page that throws is a 500 and the server keeps working", "[http]") {
    HttpFixture f(echo_routes());
    CHECK(status_of(f.get("/throws")) == 500);
    CHECK(status_of(f.get("/echo")) == 200);
}

TEST_CASE("http: oversized, broken and slow requests do no harm", "[http]") {
    HttpFixture f(echo_routes());
    CHECK(status_of(f.get("/" + std::string(100000, 'x'))) >= 400);
    CHECK(status_of(f.get("/echo", "X-Big: " + std::string(100000, 'y') + "\r\n")) >= 400);
    f.ask("\x16\x03\x01 this is TLS\r\n\r\n");
    CHECK(status_of(f.ask("POST /act HTTP/1.1\r\nHost: localhost\r\nX-Postern: 1\r\nContent-Length: "
                          "99999999999\r\n\r\n")) >= 200);
    std::string many = "/echo?";
    for (int i = 0; i < 200; ++i)
        many += "a" + std::to_string(i) + "=1&";
    CHECK(status_of(f.get(many)) == 200);
    const auto half = f.connect();  // never ends its request
    f.send(half, "GET /echo HTT");
    CHECK(status_of(f.get("/echo")) == 200);
}

TEST_CASE("http: more connections than the limit wait, and the server keeps working", "[http]") {
    HttpOptions options;
    options.max_connections = 4;
    HttpFixture f(echo_routes(), options);
    std::vector<core::UniqueFd> idle;
    for (int i = 0; i < 12; ++i)
        idle.push_back(f.connect());
    for (int i = 0; i < 50; ++i)
        f.turn();
    CHECK(f.server->address().port != 0);
    idle.clear();
    CHECK(status_of(f.get("/echo")) == 200);
}

TEST_CASE("http: a taken port says who to look for", "[http]") {
    HttpFixture f(echo_routes());
    HttpOptions options;
    options.listen = f.server->address();
    const auto second = HttpServer::start(f.loop, options, {});
    REQUIRE_FALSE(second);
    CHECK(second.error().code == core::Code::kAddressInUse);
    CHECK(has(second.error().hint, "ss -ltnp"));
}
