// SPDX-License-Identifier: Apache-2.0
// One connection with both of its ends here, on a real loop.
#include "resolver/tcp_stream.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include "tests/unit/resolver/server_kit.h"

using namespace postern;
using namespace postern::resolver;

namespace {

struct End final : TcpStream::Owner {
    void stream_connected(int e) override { connected = e; }
    void stream_data(core::ByteView data) override { received.insert(received.end(), data.begin(), data.end()); }
    void stream_ended(int e) override { ended = e; }
    void stream_drained() override { ++drained; }
    bool no_delay() {
        int fd = -1, on = 0;
        socklen_t size = sizeof on;
        REQUIRE(uv_fileno(reinterpret_cast<const uv_handle_t*>(stream.raw()), &fd) == 0);
        REQUIRE(::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0);
        return on != 0;
    }

    TcpStream stream{*this};
    int connected = 1, ended = 1;  // 1: not yet
    int drained = 0;
    core::Bytes received;
};

/// A connection from `client` to `server`.
struct Pair {
    Pair() {
        auto socket = bind_socket(test::local(0), true);
        REQUIRE(socket);
        REQUIRE(listener.open(this, [&](uv_tcp_t* h) { return uv_tcp_init(loop.raw(), h); }) == 0);
        REQUIRE(uv_tcp_open(listener.get(), socket->fd.release()) == 0);
        REQUIRE(uv_listen(reinterpret_cast<uv_stream_t*>(listener.get()), 1, [](uv_stream_t* s, int) {
                    Pair* self = core::UvHandle<uv_tcp_t, Pair>::owner(reinterpret_cast<uv_tcp_t*>(s));
                    self->accepted = self->server.stream.accept(self->loop, s);
                }) == 0);
        REQUIRE(client.stream.connect(loop, socket->address) == 0);
        REQUIRE(until([&] { return accepted == 0 && client.connected == 0; }));
    }
    ~Pair() {
        client.stream.close();
        server.stream.close();
        listener.reset();
        CHECK(loop.close());
    }
    /// Turns the loop until `done`, five seconds at most.
    template <class Fn>
    bool until(Fn done) {
        const core::Micros deadline = core::now_mono_us() + 5 * core::kSecond;
        while (!done() && core::now_mono_us() < deadline)
            loop.poll();
        return done();
    }

    core::Loop loop;
    core::UvHandle<uv_tcp_t, Pair> listener;
    End client, server;
    int accepted = 1;
};

}  // namespace

TEST_CASE("tcp stream: a message does not wait for the acknowledgement of the one before", "[tcp]") {
    Pair pair;
    CHECK(pair.client.no_delay());
    CHECK(pair.server.no_delay());
}

TEST_CASE("tcp stream: what the socket does not take at once is sent later, in order, and its end is reported",
          "[tcp]") {
    Pair pair;
    core::Bytes all(8 << 20);
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i] = static_cast<std::uint8_t>(i * 2654435761u >> 16);
    const std::size_t half = all.size() / 2;
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(half);
    pair.server.stream.write({all.begin(), middle});
    CHECK(pair.server.stream.unsent() > 0);
    CHECK(pair.server.stream.unsent() < half);
    pair.server.stream.write({middle, all.end()});
    CHECK(pair.server.stream.unsent() > half);
    for (int i = 0; i < 20; ++i)
        pair.loop.poll();
    CHECK(pair.client.received.empty());  // it does not read
    CHECK(pair.server.drained == 0);
    pair.client.stream.start_reading();
    CHECK(pair.until([&] { return pair.client.received.size() == all.size(); }));
    CHECK(pair.client.received == all);
    CHECK(pair.until([&] { return pair.server.drained == 1; }));
    CHECK(pair.server.stream.unsent() == 0);
    pair.server.stream.write({'x'});
    CHECK(pair.server.stream.unsent() == 0);
    CHECK(pair.until([&] { return pair.client.received.size() == all.size() + 1; }));
    CHECK(pair.server.drained == 1);  // nothing was queued
    pair.server.stream.close();
    CHECK(pair.until([&] { return pair.client.ended == 0; }));
    CHECK(pair.server.stream.unsent() == 0);
}

TEST_CASE("tcp stream: a stopped one reads nothing until it is started again", "[tcp]") {
    Pair pair;
    pair.server.stream.start_reading();
    pair.client.stream.write({'a'});
    CHECK(pair.until([&] { return pair.server.received.size() == 1; }));
    pair.server.stream.stop_reading();
    pair.client.stream.write({'b'});
    for (int i = 0; i < 20; ++i)
        pair.loop.poll();
    CHECK(pair.server.received.size() == 1);
    pair.server.stream.start_reading();
    CHECK(pair.until([&] { return pair.server.received.size() == 2; }));
}

TEST_CASE("tcp stream: an error of writing is reported although nothing is read", "[tcp]") {
    Pair pair;
    pair.server.stream.write(core::Bytes(8 << 20));
    REQUIRE(pair.server.stream.unsent() > 0);
    // Closed with data that was not read: the other side gets a reset.
    pair.client.stream.close();
    CHECK(pair.until([&] { return pair.server.ended < 0; }));
    CHECK(pair.server.drained == 0);
}
