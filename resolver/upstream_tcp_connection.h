// SPDX-License-Identifier: Apache-2.0
// One TCP connection to an upstream: the queries sent over it by message ID, and whether it receives anything. Owned
// by an UpstreamTcpServer, which decides what is sent over it. Loop thread.
#pragma once

#include <map>
#include <utility>

#include "core/bytes.h"
#include "core/clock.h"
#include "resolver/tcp_framing.h"
#include "resolver/tcp_stream.h"
#include "resolver/upstream_transport.h"

namespace postern::resolver {

struct TcpQuery {
    std::uint64_t handle = 0;  // its low 16 bits are `id`
    std::uint64_t cookie = 0;
    std::uint16_t id = 0;
    core::Bytes framed;  // kept until it is answered: it may have to be sent over another connection
};

class UpstreamTcpServer;

class TcpConnection final : public TcpStream::Owner {
  public:
    struct Asked {
        TcpQuery query;
        std::uint64_t answered_before = 0;  // replies received over this connection before it was sent
    };

    TcpConnection(UpstreamTcpServer& server, core::Clock& clock, UpstreamEvents& events);
    /// 0 or errno.
    int open(core::Loop& loop, const core::SocketAddress& address);

    bool connecting() const { return !connected_; }
    /// Nothing was received for a while after a query was sent. It may be dead, so no more queries are sent over it,
    /// or slow, so those sent may still be answered.
    bool silent() const;
    /// Whether a query with this ID can be sent over it now. `one_each`: a connection carries one query only.
    bool takes(std::uint16_t id, bool one_each) const;
    /// No query waits for a reply from it, and it takes no more: it can be closed.
    bool useless(bool one_each) const;

    void write(TcpQuery query);
    bool cancel(std::uint64_t handle);
    std::uint64_t answered() const { return answered_; }
    std::map<std::uint16_t, Asked> take_asked() { return std::exchange(asked_, {}); }

    void stream_connected(int error) override;
    void stream_data(core::ByteView data) override;
    void stream_ended(int error) override;
    void stream_drained() override {}

  private:
    void deliver(core::ByteView message);
    void rest_when_idle();

    UpstreamTcpServer& server_;
    core::Clock& clock_;
    UpstreamEvents& events_;
    TcpStream stream_;
    TcpFraming framing_;
    core::Timer timer_;  // connecting, then idle
    std::map<std::uint16_t, Asked> asked_;
    std::uint64_t written_ = 0, answered_ = 0;
    core::Micros unheard_since_ = 0;  // when the first query since the last received data was sent; 0: none was
    bool connected_ = false;
    bool delivering_ = false;
};

}  // namespace postern::resolver
