// One TCP connection on the loop, for clients and upstreams alike: reading, queued writing, back-pressure.
// Loop thread. The owner may destroy the stream from inside any of its callbacks; nothing is touched after
// them.
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
        virtual void stream_drained() = 0;                  // everything queued has left
    };

    explicit TcpStream(Owner& owner) : owner_(owner) {}

    int accept(core::Loop& loop, uv_stream_t* listener);
    int connect(core::Loop& loop, const core::SocketAddress& server);
    void start_reading();
    void stop_reading();
    /// Writes what the socket takes now and queues the rest. A broken connection is reported by the reading
    /// side, which is woken for it: then stream_data() may come while reading is stopped.
    void write(core::Bytes data);
    std::size_t unsent() const;
    void close() { tcp_.reset(); }
    bool is_open() const { return static_cast<bool>(tcp_); }
    uv_tcp_t* raw() { return tcp_.get(); }

  private:
    core::UvHandle<uv_tcp_t, TcpStream> tcp_;
    Owner& owner_;
    int broken_ = 0;  // what a write failed with
};

}  // namespace postern::resolver
