// SPDX-License-Identifier: Apache-2.0
// The real UpstreamTransport: a connected UDP socket per exchange, so that every query has a random source port of
// the kernel's ephemeral range and the kernel drops datagrams from other senders. The sockets are in an epoll set of
// their own, and libuv watches only that, which saves three system calls per query. Opening a socket is the most
// expensive part of a cache miss, so under load a socket that got a good reply is used a few more times, but only
// while so many are idle that a thousand queries in a row still use about a thousand ports. The idle ones hold at most
// a tenth of the host's ephemeral ports, and are used before a query fails for want of a port. Loop thread.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "core/loop.h"
#include "core/random.h"
#include "resolver/upstream_tcp.h"

namespace postern::resolver {

class UpstreamSockets final : public UpstreamTransport {
  public:
    /// Aborts when it can't create the epoll set. `port_range`: the file that has the first and the last ephemeral port.
    UpstreamSockets(core::Loop& loop, core::Clock& clock, core::Random& random, UpstreamEvents& events,
                    std::string port_range = "/proc/sys/net/ipv4/ip_local_port_range");
    ~UpstreamSockets() override;

    Sent send_udp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) override;
    Sent send_tcp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) override;
    void cancel(std::uint64_t handle) override;
    std::uint16_t local_port(std::uint64_t handle) override;

    /// The number of idle sockets, of all servers.
    std::size_t idle() const { return idle_; }

  private:
    struct Socket {
        core::UniqueFd fd;
        std::uint64_t cookie = 0;
        std::uint32_t exchange = 1;  // counts exchanges: the handle of an earlier one is not valid any more
        std::uint32_t birth = 1;     // counts descriptors: an event of an earlier one is ignored
        int uses = 0;
        bool busy = false;
        bool suspect = false;  // received something other than the reply
        core::Micros idle_since_us = 0;
        core::SocketAddress server;
    };
    struct Pool {
        core::SocketAddress server;
        std::deque<std::uint32_t> idle;  // the longest idle one first
        unsigned unanswered = 0;         // exchanges in a row without a reply
    };
    using Slot = std::uint32_t;

    /// Returns errno, or 0 and the slot of a connected socket that is not in use.
    int take(const core::SocketAddress& server, Slot* slot);
    Sent start(Slot slot, std::uint64_t cookie, core::ByteView query);
    int open(const core::SocketAddress& server, Slot* slot);
    /// Takes one of the longest idle sockets of the pool, which has some.
    Slot reuse(Pool& pool);
    void limit_to_port_range();
    Pool& pool_of(const core::SocketAddress& server);
    void on_ready();
    void receive(Slot slot, std::uint32_t birth);
    Socket* find(std::uint64_t handle);
    void end_exchange(Slot slot, bool good);
    void close(Slot slot);
    void close_idle(Pool& pool);
    void close_old();

    core::Clock& clock_;
    core::Random& random_;
    UpstreamEvents& events_;
    core::UniqueFd epoll_;
    core::FdWatcher watcher_;
    std::vector<Socket> sockets_;
    std::vector<Slot> free_;
    std::vector<Pool> pools_;  // a handful
    std::string port_range_;
    bool reuse_ = false;  // the limit of descriptors allows idle sockets
    std::size_t busy_ = 0, idle_ = 0;
    std::size_t max_busy_ = 0, max_idle_ = 0;
    core::Timer old_timer_;  // pending while there are idle sockets
    UpstreamTcp tcp_;
};

}  // namespace postern::resolver
