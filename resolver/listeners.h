// SPDX-License-Identifier: Apache-2.0
// All client-facing sockets: which addresses are bound, and which socket a ReplyTo belongs to. Loop thread.
#pragma once

#include "resolver/listen_sockets.h"
#include "resolver/tcp_server.h"
#include "resolver/udp_listener.h"

namespace postern::resolver {

class Listeners final : public ReplySink {
  public:
    Listeners(core::Loop& loop, core::Clock& clock, core::StatsPage& stats);
    ~Listeners() override;
    /// To be called first.
    void connect(QueryHandler* handler);

    /// Uses sockets that systemd or the agent has bound. From then on nothing is bound here.
    void adopt(std::vector<ListenSocket> sockets);
    /// Binds what is new in `wanted`, then closes what is no longer in it; while none of `wanted` can be bound, or
    /// while it is empty, the old sockets are kept. Returns one error for each address that can't be bound; the next call tries it again.
    std::vector<core::Error> listen_on(const std::vector<core::SocketAddress>& wanted);
    bool adopted() const { return adopted_; }

    /// A UDP socket that takes only what `client` sends, to an address of its own beside addresses(). One of them.
    core::Result<core::SocketAddress> open_private(const core::SocketAddress& client);
    /// The endpoint in the ReplyTo of what comes through it, and through the UDP socket at `address`; 0: none.
    std::uint64_t private_id() const { return private_ ? private_->id() : 0; }
    std::uint64_t id_at(const core::SocketAddress& address) const;

    std::vector<core::SocketAddress> addresses() const;
    /// Whether we listen on UDP and TCP at `wanted`, an address of the plan.
    bool serves(const core::SocketAddress& wanted) const;
    bool empty() const { return udp_.empty(); }
    TcpServer& tcp() { return *tcp_; }

    void send(const ReplyTo& to, const std::uint8_t* reply, std::size_t size) override;

  private:
    struct Bound {
        core::SocketAddress wanted;  // as in the plan; the port may be 0 in tests
        core::SocketAddress actual;
    };

    core::Result<void> add(ListenSocket socket);
    core::Result<void> bind(const core::SocketAddress& wanted);
    core::Result<void> bind_instead(const core::SocketAddress& wanted, const std::vector<core::SocketAddress>& all);
    void release(const Bound& bound);
    void flush();

    core::Loop& loop_;
    core::Clock& clock_;
    core::StatsPage& stats_;
    QueryHandler* handler_ = nullptr;
    std::unique_ptr<UdpInput> input_;
    std::vector<std::unique_ptr<UdpListener>> udp_;
    std::unique_ptr<UdpListener> private_;
    std::unique_ptr<TcpServer> tcp_;
    std::vector<Bound> bound_;
    bool adopted_ = false;
    std::uint64_t next_id_ = 1;
    core::UvHandle<uv_prepare_t, Listeners> before_sleep_;
};

}  // namespace postern::resolver
