// SPDX-License-Identifier: Apache-2.0
// One upstream over TCP: the queue of its queries, and its connections. Queries wait here, not in a connection, so
// that they can be cancelled, or sent over another connection when one fails. Loop thread.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "core/clock.h"
#include "resolver/upstream_tcp_connection.h"

namespace postern::resolver {

class UpstreamTcpServer {
  public:
    UpstreamTcpServer(core::Loop& loop, core::Clock& clock, UpstreamEvents& events, const core::SocketAddress& address);
    ~UpstreamTcpServer();

    /// 0 or errno. Never calls back from inside.
    int send(TcpQuery query);
    /// False: not a query of this server. Never calls back from inside.
    bool cancel(std::uint64_t handle);

    // Called by the connections, which may be destroyed by the call:
    void go_on();  // connected, or can take more queries
    void rested(TcpConnection* connection);
    void broken(TcpConnection* connection, int error);

  private:
    using Connections = std::vector<std::unique_ptr<TcpConnection>>;

    bool one_each() const;
    void dispatch();
    int open_as_needed();
    TcpConnection* carrier_for(std::uint16_t id);
    void close(TcpConnection* connection);
    void close_useless();
    void dispatch_soon();
    bool hopeless() const;
    void fail_queue(int error);

    core::Loop& loop_;
    core::Clock& clock_;
    UpstreamEvents& events_;
    core::SocketAddress address_;
    Connections connections_;
    std::deque<TcpQuery> queue_;
    std::size_t queued_bytes_ = 0;
    core::Micros one_each_until_ = 0;
    core::Timer soon_;
};

}  // namespace postern::resolver
