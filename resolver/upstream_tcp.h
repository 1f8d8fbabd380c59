// SPDX-License-Identifier: Apache-2.0
// TCP connections to upstreams, pipelined and shared by all exchanges (RFC 7766 6.2.1), closed when idle. Usually one
// per server; more when that is silent or full, or when the server does not answer pipelined queries. Loop thread.
#pragma once

#include <map>
#include <memory>

#include "core/clock.h"
#include "resolver/upstream_transport.h"

namespace postern::core {
class Loop;
}

namespace postern::resolver {

class UpstreamTcpServer;

class UpstreamTcp {
  public:
    UpstreamTcp(core::Loop& loop, core::Clock& clock, UpstreamEvents& events);
    ~UpstreamTcp();

    /// ENOBUFS when too many queries wait for this server.
    UpstreamTransport::Sent send(std::uint64_t cookie, const core::SocketAddress& server, core::ByteView query);
    void cancel(std::uint64_t handle);

  private:
    core::Loop& loop_;
    core::Clock& clock_;
    UpstreamEvents& events_;
    std::map<core::SocketAddress, std::unique_ptr<UpstreamTcpServer>> servers_;
    std::uint64_t next_handle_ = 1;
};

}  // namespace postern::resolver
