// SPDX-License-Identifier: Apache-2.0
#include "resolver/tcp_stream.h"

#include <memory>

namespace postern::resolver {
namespace {

using Handle = core::UvHandle<uv_tcp_t, TcpStream>;

TcpStream* stream_of(uv_stream_t* s) {
    return Handle::owner(reinterpret_cast<uv_tcp_t*>(s));
}

struct PendingWrite : uv_write_t {
    core::Bytes bytes;
};

/// One read buffer for all streams: libuv fills it and calls back before it asks for the next one.
uv_buf_t read_buffer() {
    static char buffer[65536];
    return uv_buf_init(buffer, sizeof buffer);
}

}  // namespace

int TcpStream::accept(core::Loop& loop, uv_stream_t* listener) {
    const int rc = tcp_.open(this, [&](uv_tcp_t* h) { return uv_tcp_init(loop.raw(), h); });
    if (rc != 0) return rc;
    const int accepted = uv_accept(listener, reinterpret_cast<uv_stream_t*>(tcp_.get()));
    if (accepted == 0) uv_tcp_nodelay(tcp_.get(), 1);
    return accepted;
}

int TcpStream::connect(core::Loop& loop, const core::SocketAddress& server) {
    int rc = tcp_.open(this, [&](uv_tcp_t* h) { return uv_tcp_init(loop.raw(), h); });
    if (rc != 0) return rc;
    uv_tcp_nodelay(tcp_.get(), 1);
    sockaddr_storage address;
    server.to(&address);
    auto request = std::make_unique<uv_connect_t>();
    rc = uv_tcp_connect(request.get(), tcp_.get(), reinterpret_cast<const sockaddr*>(&address),
                        [](uv_connect_t* r, int status) {
                            const std::unique_ptr<uv_connect_t> done(r);
                            TcpStream* self = stream_of(r->handle);
                            if (self == nullptr) return;
                            self->owner_.stream_connected(status);
                        });
    if (rc == 0) (void)request.release();
    return rc;
}

void TcpStream::start_reading() {
    if (!tcp_) return;
    uv_read_start(
        reinterpret_cast<uv_stream_t*>(tcp_.get()),
        [](uv_handle_t*, std::size_t, uv_buf_t* buf) { *buf = read_buffer(); },
        [](uv_stream_t* s, ssize_t n, const uv_buf_t* buf) {
            TcpStream* self = stream_of(s);
            if (self == nullptr || n == 0) return;
            if (n > 0) {
                self->owner_.stream_data(
                    {reinterpret_cast<const std::uint8_t*>(buf->base), static_cast<std::size_t>(n)});
                return;
            }
            uv_read_stop(s);
            // The failed write has consumed the error of the socket: reading sees only the end of the data.
            self->owner_.stream_ended(n == UV_EOF ? self->broken_ : static_cast<int>(n));
        });
}

void TcpStream::stop_reading() {
    if (tcp_) uv_read_stop(reinterpret_cast<uv_stream_t*>(tcp_.get()));
}

void TcpStream::write(core::Bytes data) {
    if (!tcp_ || data.empty()) return;
    auto* stream = reinterpret_cast<uv_stream_t*>(tcp_.get());
    uv_buf_t rest = uv_buf_init(reinterpret_cast<char*>(data.data()), static_cast<unsigned>(data.size()));
    // Takes nothing while something is queued.
    const int sent = uv_try_write(stream, &rest, 1);
    if (sent > 0) {
        rest.base += sent;
        rest.len -= static_cast<std::size_t>(sent);
    }
    if (rest.len == 0) return;
    auto pending = std::make_unique<PendingWrite>();
    pending->bytes = std::move(data);  // keeps its place in memory
    const int rc = uv_write(pending.get(), stream, &rest, 1, [](uv_write_t* r, int status) {
        const std::unique_ptr<PendingWrite> done(static_cast<PendingWrite*>(r));
        TcpStream* self = stream_of(r->handle);
        if (self == nullptr) return;
        if (status != 0) {
            self->broken_ = status;
            return self->start_reading();
        }
        if (self->unsent() == 0) self->owner_.stream_drained();
    });
    if (rc == 0) (void)pending.release();
}

std::size_t TcpStream::unsent() const {
    return tcp_ ? uv_stream_get_write_queue_size(reinterpret_cast<const uv_stream_t*>(tcp_.get())) : 0;
}

}  // namespace postern::resolver
