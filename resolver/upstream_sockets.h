// The real transport: a fresh connected UDP socket an exchange, so that every query leaves from a random port
// of the kernel's whole ephemeral range and datagrams of strangers never reach us. One epoll set of our own
// holds them all; libuv sees a single descriptor, which saves it three system calls a query.
#pragma once

#include <vector>

#include "core/loop.h"
#include "resolver/upstream_tcp.h"

namespace postern::resolver {

class UpstreamSockets final : public UpstreamTransport {
  public:
    /// Aborts when the process can't have an epoll descriptor: then it can do nothing at all.
    UpstreamSockets(core::Loop& loop, core::Clock& clock, UpstreamEvents& events);
    ~UpstreamSockets() override;

    Sent send_udp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) override;
    Sent send_tcp(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query) override;
    void cancel(std::uint64_t handle) override;
    std::uint16_t local_port(std::uint64_t handle) override;

  private:
    struct Exchange {
        core::UniqueFd fd;
        std::uint64_t cookie = 0;
        std::uint32_t generation = 1;
    };
    void on_ready();
    void receive(std::uint32_t slot, std::uint32_t generation);
    Exchange* find(std::uint64_t handle);
    void release(std::uint32_t slot);

    UpstreamEvents& events_;
    core::UniqueFd epoll_;
    core::FdWatcher watcher_;
    std::vector<Exchange> exchanges_;
    std::vector<std::uint32_t> free_;
    UpstreamTcp tcp_;
};

}  // namespace postern::resolver
