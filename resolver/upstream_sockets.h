// The real transport: a connected UDP socket an exchange, so that every query leaves from a random port of
// the kernel's whole ephemeral range and datagrams of strangers never reach us. One epoll set of our own
// holds them all; libuv sees a single descriptor, which saves it three system calls a query. Making a socket
// costs more than all else of a miss, so under load those that brought a good reply serve a few more: but
// only once so many lie idle that any thousand queries in a row still leave from about a thousand ports.
#pragma once

#include <deque>
#include <vector>

#include "core/loop.h"
#include "core/random.h"
#include "resolver/upstream_tcp.h"

namespace postern::resolver {

class UpstreamSockets final : public UpstreamTransport {
  public:
    /// Aborts when the process can't have an epoll descriptor: then it can do nothing at all.
    UpstreamSockets(core::Loop& loop, core::Clock& clock, core::Random& random, UpstreamEvents& events);
    ~UpstreamSockets() override;

    Sent send_udp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) override;
    Sent send_tcp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) override;
    void cancel(std::uint64_t handle) override;
    std::uint16_t local_port(std::uint64_t handle) override;

    /// Sockets that lie idle, over all servers.
    std::size_t idle() const;

  private:
    struct Socket {
        core::UniqueFd fd;
        std::uint64_t cookie = 0;
        std::uint32_t exchange = 1;  // counts up: a handle of an earlier exchange finds nothing
        std::uint32_t birth = 1;     // counts up with every new descriptor: an event of an earlier one finds nothing
        int uses = 0;
        bool busy = false;
        bool suspect = false;  // something came that was not the reply
        core::Micros idle_since_us = 0;
        core::SocketAddress server;
    };
    struct Pool {
        core::SocketAddress server;
        std::deque<std::uint32_t> idle;  // longest first
        unsigned unanswered = 0;         // exchanges in a row that ended without a reply
    };
    using Slot = std::uint32_t;

    /// errno, or 0 and the slot of a connected socket that nobody else has.
    int take(const core::SocketAddress& server, Slot* slot);
    Sent start(Slot slot, std::uint64_t cookie, core::ByteView query);
    int open(const core::SocketAddress& server, Slot* slot);
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
    bool reuse_ = false;       // there are descriptors to spare
    std::size_t busy_ = 0;
    core::Timer old_timer_;  // pending while sockets lie idle
    UpstreamTcp tcp_;
};

}  // namespace postern::resolver
