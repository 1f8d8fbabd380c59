// SPDX-License-Identifier: Apache-2.0
// TCP clients on real sockets of the loopback interface, with a clock and an upstream that the test moves by hand.
#include <sys/socket.h>

#include "resolver/listeners.h"
#include "tests/unit/resolver/server_kit.h"

using namespace postern;
using core::ResolverEvent;
using test::connected;
using test::local;
using test::Query;

namespace {

constexpr int kSmallBuffer = 16 * 1024;

core::Bytes framed(const core::Bytes& message) {
    core::Bytes out(2);
    core::store_be16(out.data(), static_cast<std::uint16_t>(message.size()));
    out.insert(out.end(), message.begin(), message.end());
    return out;
}

/// big.example. TXT: about 60,000 bytes.
core::PlanOwner big_owner() {
    core::PlanOwner o;
    o.name = test::wire_name("big.example.");
    core::PlanAnswer big;
    const std::vector<std::string> records(220, "big.example. 10 IN TXT \"" + std::string(250, 'x') + "\"");
    big.wire = test::wire_records(records);
    big.answers = 220;
    o.rrsets.push_back({LDNS_RR_TYPE_TXT, big, big});
    return o;
}

/// Everything between the clients' sockets and the upstreams, which are a FakeTransport.
class Shop {
  public:
    Shop() {
        transport.events = &forwarder;
        forwarder.connect(&transport, &handler);
        listeners.connect(&handler);
        plan = test::usual_plan(1);
        plan.owners.push_back(big_owner());
        use();
        listeners.tcp().configure({8, core::kSecond});
        std::vector<resolver::ListenSocket> sockets;
        sockets.push_back(std::move(*resolver::bind_socket(local(0), true)));
        // Accepted sockets inherit it: what the kernel holds for a client is small.
        ::setsockopt(sockets[0].fd.get(), SOL_SOCKET, SO_SNDBUF, &kSmallBuffer, sizeof kSmallBuffer);
        address = sockets[0].address;
        listeners.adopt(std::move(sockets));
    }
    void use() {
        std::vector<core::SocketAddress> left_out;
        auto upstreams = resolver::update_upstreams(forwarder.upstreams(), plan.upstreams, {}, stats, &left_out);
        forwarder.configure(std::move(upstreams), {});
        handler.use_plan(std::make_shared<const resolver::ActivePlan>(test::view_of(plan), core::PlanSource::kCurrent,
                                                                      core::boot_id(), 42));
    }
    /// A connected client; with `from` its own address of 127/8.
    core::UniqueFd client(const std::string& from = "127.0.0.1") {
        core::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kSmallBuffer, sizeof kSmallBuffer);
        sockaddr_storage storage;
        auto size = core::SocketAddress{*core::IpAddress::parse(from), 0}.to(&storage);
        REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0);
        size = address.to(&storage);
        const int rc = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size);
        REQUIRE((rc == 0 || errno == EINPROGRESS));
        turn();
        return fd;
    }
    /// Lets everything happen that can without the test doing more.
    void turn() {
        for (int i = 0; i < 50; ++i)
            loop.poll();
    }
    void send(const core::UniqueFd& to, const core::Bytes& data) {
        REQUIRE(::send(to.get(), data.data(), data.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(data.size()));
        turn();
    }
    void ask(const core::UniqueFd& to, const std::string& name) { send(to, framed(Query{.name = name}.wire())); }
    /// Turns the loop until `done`, ten seconds at most: with small buffers the kernel takes its time.
    template <class Fn>
    bool until(Fn done) {
        return test::turn_until(loop, done, 10 * core::kSecond);
    }
    /// Takes what is there, `most` bytes at most; returns how many, or -1 when nothing will come any more.
    ssize_t take(const core::UniqueFd& from, std::size_t most = 1 << 20) {
        std::vector<std::uint8_t> buffer(most);
        const ssize_t n = ::recv(from.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return -1;
        framing.feed({buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))}, [&](core::ByteView) {
            ++messages;
            return true;
        });
        return std::max<ssize_t>(n, 0);
    }
    /// Reads until there are `count` messages in all, of all clients together, or the connection is over.
    std::size_t read(const core::UniqueFd& from, std::size_t count) {
        until([&] { return take(from) < 0 || messages >= count; });
        return messages;
    }
    static bool is_closed(const core::UniqueFd& fd) {
        char c;
        const ssize_t n = ::recv(fd.get(), &c, 1, MSG_DONTWAIT | MSG_PEEK);
        return n == 0 || (n < 0 && errno == ECONNRESET);
    }
    std::size_t clients() { return listeners.tcp().clients(); }
    std::uint64_t event(ResolverEvent e) const { return stats.events[static_cast<std::size_t>(e)]; }
    std::uint64_t answered() const { return stats.queries[0][0][static_cast<std::size_t>(core::Proto::kTcp)]; }
    /// Answers what is open at the upstream at this moment.
    void upstream_answers() {
        for (std::size_t left = transport.open.size(); left > 0 && !transport.open.empty(); --left)
            transport.answer(0, 0, {});
    }

    core::Loop loop;
    test::FakeClock clock;
    core::SeededRandom random{1};
    core::StatsPage stats;
    test::FakeTransport transport;
    resolver::Cache cache{1, stats};
    resolver::Forwarder forwarder{clock, random, stats};
    resolver::QueryLog query_log{clock, random, ""};
    resolver::Listeners listeners{loop, clock, stats};
    resolver::QueryHandler handler{clock, stats, forwarder, cache, query_log, listeners};
    core::Plan plan;
    core::SocketAddress address;
    resolver::TcpFraming framing;
    std::size_t messages = 0;
};

}  // namespace

TEST_CASE("tcp: of many queries with large replies only as many are answered as the client reads", "[tcp]") {
    Shop shop;
    const auto client = shop.client();
    const auto query = framed(Query{.name = "big.example.", .type = LDNS_RR_TYPE_TXT}.wire());
    core::Bytes burst;
    for (int i = 0; i < 400; ++i)
        burst.insert(burst.end(), query.begin(), query.end());
    shop.send(client, burst);
    CHECK(shop.answered() >= 2);
    CHECK(shop.answered() <= 10);  // 2 in our memory, the rest in the kernel's buffers
    CHECK(shop.read(client, 400) == 400);
    CHECK(shop.answered() == 400);
    shop.send(client, burst);  // once more: nothing of the first time is left
    CHECK(shop.answered() <= 410);
    CHECK(shop.read(client, 800) == 800);
    CHECK(shop.answered() == 800);
}

TEST_CASE("tcp: the number of one client's queries that wait for upstreams is limited, and all are answered", "[tcp]") {
    Shop shop;
    const auto client = shop.client();
    core::Bytes burst;
    for (int i = 0; i < 600; ++i) {
        const auto f = framed(Query{.name = "n" + std::to_string(i) + ".example."}.wire());
        burst.insert(burst.end(), f.begin(), f.end());
    }
    shop.send(client, burst);
    CHECK(shop.transport.open.size() == 257);
    CHECK(shop.until([&] {
        shop.upstream_answers();
        shop.take(client);
        CHECK(shop.transport.open.size() <= 257);
        return shop.messages == 600;
    }));
    shop.ask(client, "later.example.");  // it is read again
    CHECK(shop.transport.open.size() == 1);
}

TEST_CASE("tcp: a client that closes its side when its reply arrives still gets it", "[tcp]") {
    Shop shop;
    const auto client = shop.client();
    shop.ask(client, "www.example.");
    REQUIRE(shop.transport.open.size() == 1);
    // Both in one turn of the loop, the upstream's reply first.
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    const core::UniqueFd reading(ends[0]), writing(ends[1]);
    core::FdWatcher upstream;
    upstream.start(shop.loop, reading.get(), UV_READABLE, [&](int, int) {
        upstream.stop();
        shop.upstream_answers();
    });
    shop.loop.poll();
    REQUIRE(::write(writing.get(), "r", 1) == 1);
    ::shutdown(client.get(), SHUT_WR);
    CHECK(shop.read(client, 1) == 1);
    CHECK(shop.until([&] { return shop.is_closed(client); }));
    CHECK(shop.clients() == 0);
}

TEST_CASE("tcp: a reply that arrives after the idle timeout is still sent", "[tcp]") {
    Shop shop;
    const auto client = shop.client();
    shop.ask(client, "www.example.");
    shop.clock.advance(1500 * core::kMillisecond);
    CHECK(shop.clients() == 1);
    shop.upstream_answers();
    shop.clock.advance(core::kSecond);
    CHECK(shop.read(client, 1) == 1);
}

TEST_CASE("tcp: an idle client is closed one idle timeout after its last query, though its reply was sent at once",
          "[tcp]") {
    // Its reply is progress of that moment, not of the moment at which the server looks.
    Shop shop;
    const auto client = shop.client();
    shop.ask(client, "db.example.");
    REQUIRE(shop.read(client, 1) == 1);
    shop.clock.advance(core::kSecond - 1);
    CHECK(shop.clients() == 1);
    shop.clock.advance(1);
    CHECK(shop.clients() == 0);
}

TEST_CASE("tcp: a slow reader is not closed, one that reads nothing is", "[tcp]") {
    Shop shop;
    const auto steady = shop.client(), stuck = shop.client();
    core::Bytes burst;
    for (int i = 0; i < 10; ++i) {
        const auto f = framed(Query{.name = "big.example.", .type = LDNS_RR_TYPE_TXT}.wire());
        burst.insert(burst.end(), f.begin(), f.end());
    }
    shop.send(steady, burst);
    shop.send(stuck, burst);
    // A quarter of what the server holds at most, and so never all of it, each 0.6 of the idle time.
    for (int i = 0; i < 4; ++i) {
        shop.clock.advance(600 * core::kMillisecond);
        std::size_t left = 30000;
        REQUIRE(shop.until([&] { return (left -= static_cast<std::size_t>(shop.take(steady, left))) == 0; }));
        shop.turn();
    }
    CHECK(shop.clients() == 1);
    CHECK(shop.read(steady, 10) == 10);
    CHECK(shop.read(stuck, 20) < 20);
    CHECK(shop.is_closed(stuck));
    shop.clock.advance(2 * core::kSecond);
    CHECK(shop.clients() == 0);
}

TEST_CASE("tcp: the reset of a client that is not being read is noticed at once", "[tcp]") {
    Shop shop;
    auto client = shop.client();
    core::Bytes burst;
    for (int i = 0; i < 10; ++i) {
        const auto f = framed(Query{.name = "big.example.", .type = LDNS_RR_TYPE_TXT}.wire());
        burst.insert(burst.end(), f.begin(), f.end());
    }
    shop.send(client, burst);
    CHECK(shop.clients() == 1);
    const linger at_once{1, 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    client.reset();
    CHECK(shop.until([&] { return shop.clients() == 0; }));
}

TEST_CASE("tcp: a client that is not allowed gets no connection", "[tcp]") {
    Shop shop;
    shop.plan.allow = {*core::IpPrefix::parse("127.0.0.1/32")};
    shop.use();
    const auto stranger = shop.client("127.0.0.2");
    CHECK(shop.is_closed(stranger));
    CHECK(shop.clients() == 0);
    CHECK(shop.event(ResolverEvent::kRefusedClient) == 1);
    const auto client = shop.client();
    shop.ask(client, "db.example.");
    CHECK(shop.read(client, 1) == 1);
}

TEST_CASE("tcp: at the limit the longest idle connection is closed, but none with a pending reply", "[tcp]") {
    Shop shop;
    shop.listeners.tcp().configure({3, core::kMinute});
    const auto waiting = shop.client(), busy = shop.client();
    shop.clock.advance(core::kMillisecond);
    const auto idle = shop.client();
    shop.ask(waiting, "www.example.");
    shop.clock.advance(core::kMillisecond);
    shop.ask(busy, "db.example.");
    // Neither a message of no bytes, nor one that is no query, keeps a place.
    shop.clock.advance(core::kMillisecond);
    shop.send(idle, {0, 0});
    shop.send(idle, framed(Query{.flags = 0x8100}.wire()));
    const auto newcomer = shop.client();
    CHECK(shop.is_closed(idle));
    CHECK(shop.event(ResolverEvent::kTcpRejected) == 1);
    CHECK(shop.clients() == 3);
    shop.ask(newcomer, "db.example.");
    CHECK(shop.read(newcomer, 1) == 1);
    CHECK(shop.read(busy, 2) == 2);
    // Everybody waits for an answer: the next has to go.
    shop.ask(newcomer, "www.example.");
    shop.ask(busy, "www.example.");
    const auto late = shop.client();
    CHECK(shop.is_closed(late));
    CHECK(shop.event(ResolverEvent::kTcpRejected) == 2);
    shop.upstream_answers();
    CHECK(shop.read(waiting, 3) == 3);
}
