// SPDX-License-Identifier: Apache-2.0
// Exchanges over TCP with a server in the test, on real loopback sockets and a fake clock.
#include "resolver/upstream_tcp.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <list>

#include "resolver/listen_sockets.h"
#include "resolver/tcp_framing.h"
#include "tests/unit/resolver/server_kit.h"

using namespace postern;
using namespace postern::resolver;

namespace {

struct Told final : UpstreamEvents {
    bool on_reply(std::uint64_t cookie, core::ByteView) override {
        replies.push_back(cookie);
        if (on_answer) on_answer();
        return true;
    }
    void on_failure(std::uint64_t cookie, int error) override { failures.emplace_back(cookie, error); }
    std::function<void()> on_answer;
    std::vector<std::uint64_t> replies;
    std::vector<std::pair<std::uint64_t, int>> failures;
};

/// One connection as the server sees it.
struct Accepted {
    core::UniqueFd fd;
    TcpFraming framing;
    std::vector<core::Bytes> queries;
    bool closed = false;

    void read() {
        std::uint8_t buffer[65536];
        ssize_t n = 0;
        while ((n = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
            framing.feed({buffer, static_cast<std::size_t>(n)}, [&](core::ByteView m) {
                queries.emplace_back(m.begin(), m.end());
                return true;
            });
        }
        closed = closed || n == 0 || (errno != EAGAIN && errno != EINTR);
    }
    void answer(std::size_t i) {
        core::Bytes out(2);
        core::store_be16(out.data(), static_cast<std::uint16_t>(queries[i].size()));
        out.insert(out.end(), queries[i].begin(), queries[i].end());
        REQUIRE(::send(fd.get(), out.data(), out.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(out.size()));
    }
};

class Line {
  public:
    explicit Line(int backlog = 64) {
        auto socket = bind_socket(test::local(0), true);
        listening = std::move(socket->fd);
        address = socket->address;
        ::listen(listening.get(), backlog);
    }
    ~Line() {
        transport.reset();
        CHECK(loop.close());
    }
    std::uint64_t send(std::uint16_t id) {
        core::Bytes query(20);
        core::store_be16(query.data(), id);
        const auto sent = transport->send(id, address, query);
        CHECK(sent.error == 0);
        return sent.handle;
    }
    /// Runs both sides until `done`: a large query takes several turns.
    template <class Fn>
    bool until(Fn done) {
        for (int i = 0; i < 1000 && !done(); ++i)
            turn();
        return done();
    }
    /// Runs both sides until nothing happens any more.
    void turn() {
        for (int i = 0; i < 50; ++i) {
            loop.poll();
            const int fd = ::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) connections.emplace_back().fd.reset(fd);
            for (Accepted& c : connections) {
                if (c.fd && !c.closed && reads) c.read();
            }
        }
    }
    Accepted& connection(std::size_t i) { return *std::next(connections.begin(), static_cast<std::ptrdiff_t>(i)); }

    core::Loop loop;
    test::FakeClock clock;
    Told told;
    core::UniqueFd listening;
    core::SocketAddress address;
    std::list<Accepted> connections;
    bool reads = true;
    std::unique_ptr<UpstreamTcp> transport = std::make_unique<UpstreamTcp>(loop, clock, told);
};

}  // namespace

TEST_CASE("upstream tcp: a reply goes to the query with its ID and to no other", "[upstream]") {
    Line line;
    for (std::uint16_t id = 1; id <= 20; ++id)
        line.send(id);
    line.turn();
    REQUIRE(line.connections.size() == 1);
    REQUIRE(line.connection(0).queries.size() == 20);
    for (std::size_t i = 20; i-- > 0;)
        line.connection(0).answer(i);
    line.turn();
    CHECK(line.told.replies.size() == 20);
    CHECK(line.told.replies.front() == 20);
}

TEST_CASE("upstream tcp: two queries with one ID have a connection each", "[upstream]") {
    Line line;
    line.send(7);
    line.send(7);
    line.turn();
    REQUIRE(line.connections.size() == 2);
    for (Accepted& c : line.connections) {
        REQUIRE(c.queries.size() == 1);
        c.answer(0);
    }
    line.turn();
    CHECK(line.told.replies.size() == 2);
}

TEST_CASE("upstream tcp: nothing more is sent over a silent connection", "[upstream]") {
    Line line;
    line.send(1);
    line.turn();
    line.connection(0).answer(0);
    line.turn();
    const auto lost = line.send(2);
    const auto slow = line.send(3);
    line.turn();
    CHECK(line.connections.size() == 1);
    line.clock.advance(core::kSecond);
    line.send(4);
    line.turn();
    REQUIRE(line.connections.size() == 2);
    REQUIRE(line.connection(1).queries.size() == 1);
    line.connection(1).answer(0);
    line.turn();
    CHECK(line.told.replies == std::vector<std::uint64_t>{1, 4});
    SECTION("a reply over it makes it usable again") {
        line.connection(0).answer(2);
        line.turn();
        CHECK(line.told.replies.back() == 3);
        line.transport->cancel(lost);
        line.turn();
        CHECK_FALSE(line.connection(0).closed);
    }
    SECTION("it is closed when no query waits for it") {
        line.transport->cancel(lost);
        line.transport->cancel(slow);
        line.turn();
        CHECK(line.connection(0).closed);
        CHECK_FALSE(line.connection(1).closed);
    }
}

TEST_CASE("upstream tcp: a cancelled query that was not sent is dropped, and the queue is limited", "[upstream]") {
    Line line;
    const auto first = line.send(1);
    line.send(2);
    line.transport->cancel(first);
    line.turn();
    REQUIRE(line.connection(0).queries.size() == 1);
    CHECK(core::load_be16(line.connection(0).queries[0].data()) == 2);

    Line other;
    std::size_t taken = 0;
    int error = 0;
    const core::Bytes query(300);
    while (error == 0 && taken < 10000) {
        error = other.transport->send(taken, other.address, query).error;
        taken += error == 0 ? 1 : 0;
    }
    CHECK(error == ENOBUFS);
    CHECK(taken == 1024);
}

TEST_CASE("upstream tcp: a server that can't be connected to is reported in time", "[upstream]") {
    Line line(0);
    line.reads = false;
    // The kernel drops further handshakes once these wait to be accepted.
    std::vector<core::UniqueFd> others;
    for (int i = 0; i < 4; ++i)
        others.push_back(test::connected(line.address, SOCK_STREAM));
    const auto gone = line.send(1);
    line.send(2);
    for (int i = 0; i < 20; ++i)
        line.loop.poll();
    line.transport->cancel(gone);
    line.clock.advance(3 * core::kSecond);
    REQUIRE(line.told.failures.size() == 1);
    CHECK(line.told.failures[0] == std::pair{std::uint64_t{2}, ETIMEDOUT});
}

TEST_CASE("upstream tcp: a server that closes after each answer still answers all", "[upstream]") {
    Line line;
    for (std::uint16_t id = 1; id <= 30; ++id)
        line.send(id);
    std::size_t most = 0;
    for (int round = 0; round < 40; ++round) {
        line.turn();
        std::size_t open = 0;
        for (Accepted& c : line.connections) {
            if (!c.fd || c.queries.empty()) continue;
            ++open;
            c.answer(0);
            c.fd.reset();
        }
        most = std::max(most, open);
    }
    CHECK(line.told.failures.empty());
    CHECK(line.told.replies.size() == 30);
    CHECK(most == 8);
    // The next queries are sent one per connection from the start.
    const std::size_t before = line.connections.size();
    line.send(31);
    line.send(32);
    line.turn();
    REQUIRE(line.connections.size() == before + 2);
    CHECK(line.connections.back().queries.size() == 1);
    // After a while they share a connection again.
    line.connections.back().answer(0);
    line.connection(before).answer(0);
    line.turn();
    line.clock.advance(2 * core::kMinute);
    line.send(33);
    line.send(34);
    line.turn();
    CHECK(line.connections.size() == before + 3);
    CHECK(line.connections.back().queries.size() == 2);
}

TEST_CASE("upstream tcp: a connection closed while idle does not end pipelining", "[upstream]") {
    Line line;
    line.send(1);
    line.turn();
    line.connection(0).answer(0);
    line.turn();
    line.send(2);
    line.connection(0).fd.reset();
    line.turn();
    REQUIRE(line.told.failures.size() == 1);
    CHECK(line.told.failures[0] == std::pair{std::uint64_t{2}, ECONNRESET});
    line.send(3);
    line.send(4);
    line.turn();
    REQUIRE(line.connections.size() == 2);
    CHECK(line.connections.back().queries.size() == 2);
}

TEST_CASE(
    "upstream tcp: what a server leaves when it closes after many answers goes over the next connection "
    "together",
    "[upstream]") {
    Line line;
    for (std::uint16_t id = 1; id <= 30; ++id)
        line.send(id);
    line.turn();
    for (std::size_t i = 0; i < 10; ++i)
        line.connection(0).answer(i);
    line.connection(0).fd.reset();
    line.turn();
    REQUIRE(line.connections.size() == 2);
    REQUIRE(line.connection(1).queries.size() == 20);
    CHECK(line.told.replies.size() == 10);
    CHECK(line.told.failures.empty());
}

TEST_CASE("upstream tcp: a query has the size of a message: room for its ID, and a length of 16 bits", "[upstream]") {
    Line line;
    for (const std::size_t size : {0, 1, 65536}) {
        const auto sent = line.transport->send(1, line.address, core::Bytes(size));
        CHECK(sent.error == EINVAL);
        CHECK(sent.handle == 0);
    }
    line.turn();
    CHECK(line.connections.empty());
    for (const std::size_t size : {2, 65535}) {
        const core::Bytes query(size, 7);
        CHECK(line.transport->send(1, line.address, query).error == 0);
        REQUIRE(line.until([&] { return !line.connections.empty() && !line.connections.back().queries.empty(); }));
        CHECK(line.connections.back().queries[0] == query);
        line.connections.clear();
        line.turn();
    }
}

TEST_CASE("upstream tcp: a connection is closed ten seconds after its last query, and not while one waits",
          "[upstream]") {
    Line line;
    const auto id = line.send(1);
    const bool sent = GENERATE(true, false), answered = GENERATE(true, false);
    if (sent) line.turn();
    if (sent && answered) {
        line.clock.advance(20 * core::kSecond);
        line.turn();
        REQUIRE_FALSE(line.connection(0).closed);
        line.connection(0).answer(0);
        line.turn();
    } else {
        line.transport->cancel(id);
    }
    line.turn();
    REQUIRE(line.connections.size() == 1);
    line.clock.advance(10 * core::kSecond - 1);
    line.turn();
    CHECK_FALSE(line.connection(0).closed);
    line.clock.advance(1);
    line.turn();
    CHECK(line.connection(0).closed);
    CHECK(line.told.failures.empty());
    CHECK(line.clock.idle());
}

TEST_CASE("upstream tcp: inside a reply another query may be sent and its own cancelled", "[upstream]") {
    Line line;
    line.send(1);
    const auto second = line.send(2);
    line.turn();
    line.connection(0).answer(0);
    line.connection(0).fd.reset();
    line.turn();  // from here on each query has a connection of its own
    REQUIRE(line.connections.size() == 2);
    line.told.on_answer = [&] {
        if (line.told.replies.back() != 2) return;
        line.send(3);
        line.transport->cancel(second);
    };
    line.connection(1).answer(0);
    line.turn();
    REQUIRE(line.connections.size() == 3);
    CHECK(line.connection(1).closed);
    REQUIRE(line.connection(2).queries.size() == 1);
    line.connection(2).answer(0);
    line.turn();
    CHECK(line.told.replies == std::vector<std::uint64_t>{1, 2, 3});
}

TEST_CASE("upstream tcp: at the limit of connections queries wait for a place on one of them", "[upstream]") {
    Line line;
    std::vector<std::uint64_t> handles;
    for (int i = 0; i < 9; ++i)
        handles.push_back(line.send(7));  // one ID: each has a connection of its own
    line.turn();
    REQUIRE(line.connections.size() == 8);
    SECTION("also on one that was silent") {
        line.clock.advance(core::kSecond);
        line.send(9);
        line.turn();
        CHECK(line.connections.size() == 8);
        CHECK(line.told.failures.empty());
        line.connection(3).answer(0);
        line.turn();
        REQUIRE(line.connection(3).queries.size() == 3);
        CHECK(core::load_be16(line.connection(3).queries[1].data()) == 7);
        CHECK(core::load_be16(line.connection(3).queries[2].data()) == 9);
    }
    SECTION("where the query before it was cancelled") {
        line.transport->cancel(handles[5]);
        line.clock.advance(0);
        line.turn();
        std::size_t with_two = 0;
        for (const Accepted& c : line.connections)
            with_two += c.queries.size() == 2 ? 1 : 0;
        CHECK(with_two == 1);
    }
}

TEST_CASE("upstream tcp: a query is cancelled at its server, whichever that is", "[upstream]") {
    Line line;
    auto second = bind_socket(test::local(0), true);
    REQUIRE(second);
    ::listen(second->fd.get(), 8);
    const core::Bytes query(20, 1);
    const auto there = line.transport->send(2, second->address, query).handle;
    const auto here = line.send(1);
    CHECK(here != there);
    line.transport->cancel(here);
    line.transport->cancel(there);
    line.transport->cancel(12345);  // nobody's
    line.turn();
    REQUIRE(line.connections.size() == 1);
    CHECK(line.connection(0).queries.empty());
    const core::UniqueFd peer(::accept4(second->fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    REQUIRE(peer);
    char c;
    CHECK(::recv(peer.get(), &c, 1, 0) < 0);
}

TEST_CASE("upstream tcp: 512 KiB of queries wait for a server, and those that are over count no more", "[upstream]") {
    Line line;
    const core::Bytes query(65534, 1);  // with its length 64 KiB
    const auto fill = [&] {
        std::vector<std::uint64_t> handles;
        for (int i = 0; i < 8; ++i) {
            const auto sent = line.transport->send(1, line.address, query);
            CHECK(sent.error == 0);
            handles.push_back(sent.handle);
        }
        CHECK(line.transport->send(1, line.address, core::Bytes(2)).error == ENOBUFS);
        return handles;
    };
    for (const auto handle : fill())
        line.transport->cancel(handle);
    fill();
    line.listening.reset();
    line.clock.advance(3 * core::kSecond);
    REQUIRE(line.until([&] { return line.told.failures.size() == 8; }));
    fill();
}

TEST_CASE("upstream tcp: without a descriptor for a connection what waits is reported at once", "[upstream]") {
    Line line;
    line.send(1);
    line.send(2);
    line.turn();
    line.connection(0).answer(0);
    line.connection(0).fd.reset();
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const rlimit none{0, files.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    line.turn();
    const auto sent = line.transport->send(3, line.address, core::Bytes(20));
    ::setrlimit(RLIMIT_NOFILE, &files);
    CHECK(line.told.replies == std::vector<std::uint64_t>{1});
    CHECK(line.told.failures == std::vector{std::pair{std::uint64_t{2}, EMFILE}});
    CHECK(sent.error == EMFILE);
    CHECK(sent.handle == 0);
    line.send(4);
    line.turn();
    REQUIRE(line.connections.size() == 2);
    CHECK(line.connections.back().queries.size() == 1);
}
