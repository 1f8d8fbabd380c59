// SPDX-License-Identifier: Apache-2.0
// The health check behind the watchdog, over real sockets.
#include <linux/filter.h>

#include "core/log.h"
#include "resolver/canary.h"
#include "tests/unit/resolver/server_kit.h"

using namespace postern;
using test::Host;

namespace {

constexpr core::Micros kPeriod = 30 * core::kMillisecond;

/// A resolver with a watchdog.
struct Watched {
    Host host;
    std::unique_ptr<resolver::Canary> canary;
    int alive = 0;
    std::vector<std::string> events;

    Watched() {
        core::capture_log([this](core::Level, std::string_view event, const std::string&) {
            if (event.starts_with("canary_")) events.emplace_back(event);
        });
    }
    ~Watched() {
        core::capture_log({});
        canary.reset();
    }
    void start(const std::vector<std::string>& allow, std::vector<resolver::ListenSocket> sockets = {},
               core::Micros period = kPeriod) {
        auto plan = host.plan();
        plan.allow.clear();
        for (const auto& prefix : allow)
            plan.allow.push_back(*core::IpPrefix::parse(prefix));
        host.publish(plan);
        REQUIRE(host.start(std::move(sockets)));
        canary = std::make_unique<resolver::Canary>(host.loop, *host.clock, host.random, *host.server, period,
                                                    [this] { ++alive; });
        canary->start();
    }
    bool fed(int times) {
        return host.until([&] { return alive >= times; });
    }
    bool said(const std::string& event) {
        return host.until([&] { return std::find(events.begin(), events.end(), event) != events.end(); });
    }
};

std::vector<resolver::ListenSocket> sockets_on(std::initializer_list<const char*> addresses) {
    std::vector<resolver::ListenSocket> out;
    for (const char* address : addresses)
        out.push_back(std::move(*resolver::bind_socket({*core::IpAddress::parse(address), 0}, false)));
    return out;
}

/// Makes the kernel drop what arrives there, until the filter is removed.
void set_deaf(int fd, bool deaf) {
    sock_filter drop_all = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog program{1, &drop_all};
    REQUIRE(::setsockopt(fd, SOL_SOCKET, deaf ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &program, sizeof program) == 0);
}

}  // namespace

TEST_CASE("canary: every kind of listening address is asked through the kernel", "[canary]") {
    const auto addresses = GENERATE(std::vector<const char*>{"127.0.0.1"}, std::vector<const char*>{"::1"},
                                    std::vector<const char*>{"0.0.0.0"}, std::vector<const char*>{"::"},
                                    std::vector<const char*>{"127.0.0.153", "127.0.0.1", "::1"});
    Watched w;
    std::vector<resolver::ListenSocket> sockets;
    for (const char* address : addresses)
        sockets.push_back(std::move(sockets_on({address})[0]));
    w.start({"127.0.0.0/8", "::1/128"}, std::move(sockets));
    CHECK(w.fed(5));
}

TEST_CASE("canary: in the statistics it is one local answer over UDP", "[canary]") {
    Watched w;
    w.start({"127.0.0.0/8"});
    REQUIRE(w.fed(5));
    auto stats = w.host.server->stats();
    auto& local = stats.queries[static_cast<std::size_t>(core::Source::kLocal)][0][0];
    CHECK(local >= 5);
    local = 0;
    for (const auto& source : stats.queries)
        for (const auto& row : source)
            CHECK((row[0] == 0 && row[1] == 0));
    for (const auto events : stats.events)
        CHECK(events == 0);
    CHECK(stats.cache_misses == 0);
    CHECK(stats.upstreams[0].sent == 0);
}

TEST_CASE("canary: its first reply is enough", "[canary]") {
    Watched w;
    w.start({"127.0.0.0/8"}, {}, 30 * core::kSecond);
    REQUIRE(w.fed(1));
    // One, or two on a machine that stalls for a second.
    CHECK(w.host.server->stats().queries[static_cast<std::size_t>(core::Source::kLocal)][0][0] <= 2);
}

TEST_CASE("canary: asks from an allowed address; without one REFUSED counts", "[canary]") {
    const auto refused = [](Watched& w) {
        return w.host.server->stats().events[static_cast<std::size_t>(core::ResolverEvent::kRefusedClient)];
    };
    Watched same, loopback, none;
    same.start({"127.0.0.9/32"}, sockets_on({"127.0.0.9"}));
    CHECK(same.fed(3));
    CHECK(refused(same) == 0);
    loopback.start({"127.0.0.1/32"}, sockets_on({"127.0.0.9"}));
    CHECK(loopback.fed(3));
    CHECK(refused(loopback) == 0);
    none.start({"192.0.2.0/24"}, sockets_on({"127.0.0.9"}));
    CHECK(none.fed(3));
    CHECK(refused(none) >= 3);
}

TEST_CASE("canary: an address that was removed from the host is skipped", "[canary]") {
    Watched w;
    auto sockets = sockets_on({"127.0.0.9", "127.0.0.10"});
    sockets[0].address.ip = *core::IpAddress::parse("192.0.2.1");  // as after the interface was removed
    w.start({"127.0.0.0/8"}, std::move(sockets));
    CHECK(w.fed(3));
}

TEST_CASE("canary: a listener that receives nothing fails it, until it receives again", "[canary]") {
    Watched w;
    auto sockets = sockets_on({"127.0.0.9"});
    const int listener = sockets[0].fd.get();
    set_deaf(listener, true);
    w.start({"127.0.0.0/8"}, std::move(sockets));
    CHECK(w.said("canary_unanswered"));
    CHECK(w.alive == 0);
    set_deaf(listener, false);
    CHECK(w.said("canary_answered"));
    CHECK(w.fed(3));
    // Each is logged once; on a machine that stalls for a moment perhaps again.
    CHECK(std::adjacent_find(w.events.begin(), w.events.end()) == w.events.end());
    // The next time, too: what it received since the last one says nothing.
    set_deaf(listener, true);
    w.events.clear();
    CHECK(w.said("canary_unanswered"));
}

TEST_CASE("canary: strangers that fill the socket and the budget of refusals do not starve it", "[canary]") {
    const bool allowed = GENERATE(true, false);
    Watched w;
    // A queue for a few datagrams: what strangers send fills it again while a batch is answered.
    auto sockets = sockets_on({"127.0.0.9"});
    const int least = 0;
    REQUIRE(::setsockopt(sockets[0].fd.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least) == 0);
    const core::SocketAddress listener = sockets[0].address;
    w.start({allowed ? "127.0.0.1/32" : "192.0.2.0/24"}, std::move(sockets));
    const core::UniqueFd stranger(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_storage from, to;
    const auto from_size = core::SocketAddress{*core::IpAddress::parse("127.0.0.66"), 0}.to(&from);
    const auto to_size = listener.to(&to);
    REQUIRE(::bind(stranger.get(), reinterpret_cast<sockaddr*>(&from), from_size) == 0);
    const auto wire = test::Query{}.wire();
    const auto flood = [&] {
        for (int i = 0; i < 300; ++i)
            ::sendto(stranger.get(), wire.data(), wire.size(), 0, reinterpret_cast<sockaddr*>(&to), to_size);
    };
    flood();  // before the first query of the canary is read
    w.alive = 0;
    CHECK(w.host.until([&] {
        flood();
        return w.alive >= 10;
    }));
}

TEST_CASE("canary: its private address takes nothing from others, and does not hide a deaf listener", "[canary]") {
    Watched w;
    auto sockets = sockets_on({"127.0.0.9", "127.0.0.10"});
    const int listener = sockets[0].fd.get();
    const core::SocketAddress other = sockets[1].address;
    w.start({"127.0.0.0/8"}, std::move(sockets));
    REQUIRE(w.fed(1));
    set_deaf(listener, true);
    // The second listener has clients.
    const auto client = test::connected(other, SOCK_DGRAM);
    const auto wire = test::Query{}.wire();
    CHECK(w.host.until([&] {
        ::send(client.get(), wire.data(), wire.size(), 0);
        return std::find(w.events.begin(), w.events.end(), "canary_unanswered") != w.events.end();
    }));
    const int alive = w.alive;
    const core::Micros until = core::now_mono_us() + 4 * kPeriod;
    CHECK(w.host.until([&] {
        ::send(client.get(), wire.data(), wire.size(), 0);
        return core::now_mono_us() > until;
    }));
    CHECK(w.alive == alive);
    // Who knows the private address and sends from elsewhere gets nothing.
    const core::UniqueFd own(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_storage storage;
    const auto size = core::SocketAddress{*core::IpAddress::parse("127.0.0.1"), 0}.to(&storage);
    REQUIRE(::bind(own.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0);
    const auto place = w.host.server->open_private(*resolver::local_address(own.get()));
    REQUIRE(place);
    const auto stranger = test::connected(*place, SOCK_DGRAM);
    ::send(stranger.get(), wire.data(), wire.size(), 0);
    w.host.loop.poll();
    char byte = 0;
    CHECK(::recv(stranger.get(), &byte, 1, MSG_DONTWAIT) < 0);
}
