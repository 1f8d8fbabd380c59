// SPDX-License-Identifier: Apache-2.0
// A real HttpServer on a real loop, and a raw client on the same loop: bytes in, bytes out.
#pragma once

#include <arpa/inet.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <string>

#include "agent/serving/http_server.h"
#include "core/fd.h"
#include "tests/unit/catch.h"

namespace postern::test {

class HttpFixture {
  public:
    explicit HttpFixture(std::vector<agent::HttpRoute> routes, agent::HttpOptions options = {}) {
        options.listen = *core::SocketAddress::parse("127.0.0.1:0", 0);
        if (options.allow.empty()) options.allow = {*core::IpPrefix::parse("127.0.0.0/8")};
        auto started = agent::HttpServer::start(loop, options, std::move(routes));
        REQUIRE(started);
        server = std::move(*started);
    }
    ~HttpFixture() {
        server.reset();
        CHECK(loop.close());
    }

    core::UniqueFd connect(const char* from = "127.0.0.1") {
        core::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        sockaddr_storage address;
        core::SocketAddress{*core::IpAddress::parse(from), 0}.to(&address);
        CHECK(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sockaddr_in)) == 0);
        const auto length = server->address().to(&address);
        CHECK((::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length) == 0 || errno == EINPROGRESS));
        return fd;
    }
    void send(const core::UniqueFd& fd, std::string_view text) {
        while (!text.empty()) {
            const ssize_t n = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
            if (n < 0 && errno != EAGAIN && errno != ENOTCONN) return;  // the server has seen enough
            turn();
        }
    }
    /// What comes until the server closes, or `until` is in it.
    std::string read(const core::UniqueFd& fd, std::string_view until = "") {
        std::string out;
        char buffer[8192];
        for (const auto deadline = core::now_mono_us() + 10 * core::kSecond; core::now_mono_us() < deadline;) {
            const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
            if (n > 0) out.append(buffer, static_cast<std::size_t>(n));
            if (n == 0 || (n < 0 && errno != EAGAIN && errno != ENOTCONN)) return out;
            if (!until.empty() && out.find(until) != std::string::npos) return out;
            if (n < 0) turn();
        }
        FAIL("no reply in time; so far: " << out);
        return out;
    }
    std::string ask(std::string_view request, const char* from = "127.0.0.1") {
        const auto fd = connect(from);
        send(fd, request);
        return read(fd);
    }
    std::string get(const std::string& path, const std::string& more = "") {
        return ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + more + "\r\n");
    }
    void turn() {
        loop.poll();
        ::sched_yield();
    }

    core::Loop loop;
    std::unique_ptr<agent::HttpServer> server;
};

inline int status_of(const std::string& reply) {
    return reply.size() > 12 && reply.starts_with("HTTP/1.1 ") ? std::atoi(reply.c_str() + 9) : 0;
}
inline std::string body_of(const std::string& reply) {
    const auto at = reply.find("\r\n\r\n");
    return at == std::string::npos ? "" : reply.substr(at + 4);
}
inline bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace postern::test
