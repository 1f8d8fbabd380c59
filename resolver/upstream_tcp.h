// Connections to upstreams over TCP: one a server, shared by all exchanges (RFC 7766 6.2.1), pipelined,
// closed when idle.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "core/clock.h"
#include "resolver/tcp_framing.h"
#include "resolver/tcp_stream.h"
#include "resolver/upstream_transport.h"

namespace postern::resolver {

class UpstreamTcp {
  public:
    UpstreamTcp(core::Loop& loop, core::Clock& clock, UpstreamEvents& events);
    ~UpstreamTcp();

    UpstreamTransport::Sent send(std::uint64_t cookie, const core::SocketAddress& server,
                                 core::ByteView query);
    void cancel(std::uint64_t handle);

  private:
    class Connection;
    void remove(Connection* connection);

    core::Loop& loop_;
    core::Clock& clock_;
    UpstreamEvents& events_;
    std::map<core::SocketAddress, std::unique_ptr<Connection>> connections_;
    std::uint64_t next_handle_ = 1;
};

}  // namespace postern::resolver
