// SPDX-License-Identifier: Apache-2.0
// Small servers on loopback for the tests of the cloud clients, each on a separate thread, port 0.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/bytes.h"
#include "core/fd.h"
#include "core/ip_address.h"
#include "core/loop.h"
#include "tests/unit/catch.h"

namespace postern::test {

inline core::UniqueFd bound_socket(int type, std::uint16_t* port) {
    core::UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

inline bool readable(int fd, int ms) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, ms) == 1;
}

/// Answers every HTTP request with `reply(request)`, raw bytes. "" resets the connection; a reply with
/// "Connection: close" ends it.
class HttpServer {
  public:
    explicit HttpServer(std::function<std::string(const std::string&)> reply) : reply_(std::move(reply)) {
        listener_ = bound_socket(SOCK_STREAM, &port_);
        REQUIRE(::listen(listener_.get(), 16) == 0);
        thread_ = std::thread([this] { run(); });
    }
    ~HttpServer() {
        stop_ = true;
        thread_.join();
    }
    std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
    std::uint16_t port() const { return port_; }
    int connections() const { return connections_; }

  private:
    void run() {
        while (!stop_) {
            if (!readable(listener_.get(), 20)) continue;
            const core::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            ++connections_;
            std::string data;
            while (!stop_) {
                if (!readable(fd.get(), 20)) continue;
                char buffer[4096];
                const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
                if (n <= 0) break;
                data.append(buffer, static_cast<std::size_t>(n));
                const auto end = data.find("\r\n\r\n");
                if (end == std::string::npos) continue;
                std::size_t body = 0;
                if (const auto at = data.find("Content-Length: "); at < end) body = std::stoul(data.substr(at + 16));
                if (data.size() < end + 4 + body) continue;
                const std::string reply = reply_(std::exchange(data, {}));
                if (reply.empty()) {
                    const linger hard{1, 0};
                    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
                    break;
                }
                if (::send(fd.get(), reply.data(), reply.size(), MSG_NOSIGNAL) < 0) break;
                if (reply.find("Connection: close") != std::string::npos) break;
            }
        }
    }

    std::function<std::string(const std::string&)> reply_;
    core::UniqueFd listener_;
    std::uint16_t port_ = 0;
    std::atomic<bool> stop_ = false;
    std::atomic<int> connections_ = 0;
    std::thread thread_;
};

/// Answers every datagram with reply(query); nothing when that is empty.
class UdpServer {
  public:
    explicit UdpServer(std::function<core::Bytes(const core::Bytes&)> reply) : reply_(std::move(reply)) {
        socket_ = bound_socket(SOCK_DGRAM, &port_);
        thread_ = std::thread([this] { run(); });
    }
    ~UdpServer() {
        stop_ = true;
        thread_.join();
    }
    core::SocketAddress address() const { return {core::IpAddress::v4(0x7f000001), port_}; }
    int queries() const { return queries_; }

  private:
    void run() {
        while (!stop_) {
            if (!readable(socket_.get(), 20)) continue;
            core::Bytes query(4096);
            sockaddr_storage from{};
            socklen_t size = sizeof from;
            const ssize_t n =
                ::recvfrom(socket_.get(), query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
            if (n <= 0) continue;
            ++queries_;
            query.resize(static_cast<std::size_t>(n));
            const core::Bytes out = reply_(query);
            if (!out.empty())
                ::sendto(socket_.get(), out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
        }
    }

    std::function<core::Bytes(const core::Bytes&)> reply_;
    core::UniqueFd socket_;
    std::uint16_t port_ = 0;
    std::atomic<bool> stop_ = false;
    std::atomic<int> queries_ = 0;
    std::thread thread_;
};

/// A reply to `query` with these records: {type, ttl, rdata} of the question's own name.
struct Record {
    std::uint16_t type;
    std::uint32_t ttl;
    core::Bytes rdata;
};
inline core::Bytes dns_reply(const core::Bytes& query, std::uint8_t rcode, const std::vector<Record>& records) {
    core::Bytes out = query;
    out.resize(std::min<std::size_t>(out.size(), 4096));
    std::size_t end = 12;
    while (end < query.size() && query[end] != 0)
        end += query[end] + 1u;
    out.resize(end + 5);
    out[2] = 0x81;
    out[3] = static_cast<std::uint8_t>(0x80 | rcode);
    core::store_be16(&out[6], static_cast<std::uint16_t>(records.size()));
    core::store_be16(&out[8], 0);
    core::store_be16(&out[10], 0);
    for (const auto& r : records) {
        const std::size_t at = out.size();
        out.resize(at + 12);
        core::store_be16(&out[at], 0xc00c);
        core::store_be16(&out[at + 2], r.type);
        core::store_be16(&out[at + 4], 1);
        core::store_be32(&out[at + 6], r.ttl);
        core::store_be16(&out[at + 10], static_cast<std::uint16_t>(r.rdata.size()));
        out.insert(out.end(), r.rdata.begin(), r.rdata.end());
    }
    return out;
}
inline std::uint16_t query_type(const core::Bytes& query) {
    return query.size() < 16 ? std::uint16_t{0} : core::load_be16(&query[query.size() - 4]);
}

/// Turns the loop until `condition`; fails after ten seconds.
inline void run_until(core::Loop& loop, const std::function<bool()>& condition) {
    const core::Micros end = core::now_mono_us() + 10 * core::kSecond;
    uv_timer_t tick{};
    uv_timer_init(loop.raw(), &tick);
    uv_timer_start(
        &tick, [](uv_timer_t*) {}, 10, 10);
    while (!condition() && core::now_mono_us() < end)
        loop.run_once();
    uv_close(reinterpret_cast<uv_handle_t*>(&tick), nullptr);
    loop.poll();
    REQUIRE(condition());
}

}  // namespace postern::test
