// SPDX-License-Identifier: Apache-2.0
// The TCP clients of all listening sockets (RFC 7766): pipelined queries, replies out of order, an idle timeout, a
// limit of connections, back-pressure, half-closed connections. Closes connections of clients that are not
// allowed. Loop thread.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "resolver/query_handler.h"
#include "resolver/tcp_framing.h"
#include "resolver/tcp_stream.h"

namespace postern::resolver {

struct TcpLimits {
    std::size_t max_clients = 256;
    core::Micros idle_us = 10 * core::kSecond;
};

class TcpServer {
  public:
    TcpServer(core::Loop& loop, core::Clock& clock, QueryHandler& handler, core::StatsPage& stats);
    ~TcpServer();

    void configure(const TcpLimits& limits) { limits_ = limits; }
    /// Takes a bound socket, listening or not yet; returns 0 or a libuv error.
    int listen(core::UniqueFd fd, const core::SocketAddress& address);
    /// Stops accepting; the connections accepted so far go on.
    void stop_listening(const core::SocketAddress& address);
    bool listens_on(const core::SocketAddress& address) const { return listeners_.count(address) != 0; }
    std::size_t clients() const { return clients_.size(); }
    void send(const ReplyTo& to, const std::uint8_t* reply, std::size_t size);
    /// Writes what was queued in this iteration of the loop.
    void flush();

  private:
    class Client;
    struct Listener;
    void accept(uv_stream_t* listener);
    void remove(std::uint64_t id);
    void watch_idle();
    void sweep();
    bool make_room_for(const ReplyTo& newcomer);

    core::Loop& loop_;
    core::Clock& clock_;
    QueryHandler& handler_;
    core::StatsPage& stats_;
    TcpLimits limits_;
    std::uint64_t next_id_ = 1;
    std::map<core::SocketAddress, std::unique_ptr<Listener>> listeners_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;
    std::vector<std::uint64_t> unflushed_;
    std::vector<std::uint8_t> scratch_;
    core::Timer idle_timer_;
};

}  // namespace postern::resolver
