// SPDX-License-Identifier: Apache-2.0
// One TCP connection, of a client or to an upstream: reading, queued writing, back-pressure. The owner may destroy it
// in any of its callbacks. Loop thread.
#pragma once

#include "core/bytes.h"
#include "core/ip_address.h"
#include "core/loop.h"

namespace postern::resolver {

class TcpStream {
  public:
    class Owner {
      public:
        virtual ~Owner() = default;
        virtual void stream_connected(int error) = 0;       // 0 or a libuv error; only after connect()
        virtual void stream_data(core::ByteView data) = 0;  // valid during the call
        virtual void stream_ended(int error) = 0;           // 0: the peer closed its side
        virtual void stream_drained() = 0;                  // everything queued is sent
    };

    explicit TcpStream(Owner& owner) : owner_(owner) {}

    /// These return 0 or a libuv error.
    int accept(core::Loop& loop, uv_stream_t* listener);
    int connect(core::Loop& loop, const core::SocketAddress& server);
    void start_reading();
    void stop_reading();
    /// Writes what the socket takes now and queues the rest. An error is reported by stream_ended(); for that reading
    /// is resumed, so stream_data() may be called although reading was stopped.
    void write(core::Bytes data);
    /// Bytes in the queue.
    std::size_t unsent() const;
    void close() { tcp_.reset(); }
    uv_tcp_t* raw() { return tcp_.get(); }

  private:
    core::UvHandle<uv_tcp_t, TcpStream> tcp_;
    Owner& owner_;
    int broken_ = 0;  // the error of a failed write
};

}  // namespace postern::resolver
