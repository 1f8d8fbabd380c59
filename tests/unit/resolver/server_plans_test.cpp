// SPDX-License-Identifier: Apache-2.0
// What a plan changes in a resolver that runs: cache, limits, and what the log says of it. Real sockets of the loopback
// interface, port 0.
#include <map>

#include "core/log.h"
#include "tests/unit/resolver/server_kit.h"

using namespace postern;
using test::connected;
using test::local;
using test::Query;
using test::records_of;

namespace {

/// A resolver whose upstream the test plays, and the lines that it logs.
struct Planned : test::Host {
    Planned() {
        core::capture_log(
            [this](core::Level, std::string_view event, const std::string& line) { lines.emplace(event, line); });
    }
    ~Planned() { core::capture_log({}); }
    void use(core::Plan& next) {
        ++next.generation;
        publish(next);
        REQUIRE(until([&] { return server->stats().plan_accepted_generation == next.generation; }));
    }
    core::UniqueFd send(const std::string& name) {
        auto client = connected(address(), SOCK_DGRAM);
        const auto wire = Query{.name = name, .edns_size = 1232}.wire();
        REQUIRE(::send(client.get(), wire.data(), wire.size(), 0) == static_cast<ssize_t>(wire.size()));
        return client;
    }
    /// Answers the next question that the upstream gets.
    void upstream_answers(const std::vector<std::string>& records) {
        sockaddr_in from{};
        const auto question = receive(upstream.get(), &from);
        REQUIRE_FALSE(question.empty());
        const auto reply = test::reply_to(question, 0, records);
        ::sendto(upstream.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), sizeof from);
    }
    /// The upstream has got no question.
    bool unasked() {
        char c;
        return ::recv(upstream.get(), &c, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
    }
    std::size_t said(const std::string& event) const { return lines.count(event); }

    std::multimap<std::string, std::string> lines;
};

const std::string kRecord = "www.example. 60 IN A 192.0.2.80";

}  // namespace

TEST_CASE("server: a plan with other upstreams makes cached answers stale, one with the same does not", "[server]") {
    Planned host;
    const bool stale_allowed = GENERATE(true, false);
    auto plan = host.plan();
    plan.settings.serve_stale_s = stale_allowed ? 3600 : 0;
    host.publish(plan);
    REQUIRE(host.start());
    auto client = host.send("www.example.");
    host.upstream_answers({kRecord});
    CHECK(records_of(host.receive(client.get())).size() == 1);
    host.use(plan);
    client = host.send("www.example.");
    CHECK(records_of(host.receive(client.get())).size() == 1);
    CHECK(host.unasked());
    const auto refusing = test::Host::refusing();
    plan.upstreams = {{2, local(test::Host::port_of(refusing.get()))}};
    host.use(plan);
    client = host.send("www.example.");
    const auto reply = host.receive(client.get());
    CHECK(test::rcode_of(reply) == (stale_allowed ? 0 : 2));
    CHECK(records_of(reply).size() == (stale_allowed ? 1 : 0));
    CHECK(test::ede_of(reply) == (stale_allowed ? 3 : 23));
}

TEST_CASE("server: a plan limits the questions that wait for upstreams", "[server]") {
    Planned host;
    auto plan = host.plan();
    plan.settings.max_inflight = 16;
    host.publish(plan);
    REQUIRE(host.start());
    std::vector<core::UniqueFd> clients;
    for (int i = 0; i < 16; ++i)
        clients.push_back(host.send("n" + std::to_string(i) + ".example."));
    REQUIRE(host.until([&] { return host.server->stats().inflight == 16; }));
    const auto overload = [&] {
        return host.server->stats().events[static_cast<std::size_t>(core::ResolverEvent::kOverload)];
    };
    CHECK(overload() == 0);
    clients.push_back(host.send("last.example."));  // an older one makes room for it
    CHECK(host.until([&] { return overload() == 1; }));
    CHECK(host.server->stats().inflight == 16);
    int answered = 0;
    host.until([&] {
        for (const auto& client : clients) {
            char c;
            if (::recv(client.get(), &c, 1, MSG_DONTWAIT) > 0) ++answered;
        }
        return answered > 0;
    });
    CHECK(answered == 1);
}

TEST_CASE("server: a reply of an upstream reaches the statistics on disk, too, when no client asks any more",
          "[server]") {
    Planned host;
    host.publish(host.plan());
    REQUIRE(host.start());
    const auto client = host.send("www.example.");
    const auto on_disk = [&](std::uint64_t inflight) {
        const auto stats = core::read_stats(host.folder + "/run/stats");
        return stats && stats->inflight == inflight && stats->cache_misses == 1;
    };
    REQUIRE(host.until([&] { return on_disk(1); }));
    host.upstream_answers({kRecord});
    CHECK(host.until([&] { return on_disk(0); }));
}

TEST_CASE("server: the lists of a plan that are kept are said once, until they are others", "[server]") {
    Planned host;
    const auto whole = host.plan();
    auto plan = whole;
    host.publish(plan);
    REQUIRE(host.start());
    host.use(plan);
    CHECK(host.said("list_kept") == 0);
    plan.upstreams.clear();
    for (int i = 0; i < 2; ++i)
        host.use(plan);
    REQUIRE(host.said("list_kept") == 1);
    CHECK(host.lines.find("list_kept")->second.find("lists=upstream") != std::string::npos);
    plan.listen.clear();
    host.use(plan);
    CHECK(host.said("list_kept") == 2);
    plan.listen = whole.listen;
    plan.upstreams = whole.upstreams;
    host.use(plan);
    CHECK(host.said("list_kept") == 2);
    plan.listen.clear();
    host.use(plan);
    CHECK(host.said("list_kept") == 3);
}

TEST_CASE("server: an empty list keeps nothing where sockets were passed, or where there was none", "[server]") {
    Planned host;
    std::vector<resolver::ListenSocket> sockets;
    sockets.push_back(std::move(*resolver::bind_socket(local(0), false)));
    auto plan = host.plan();
    plan.listen.clear();
    plan.upstreams.clear();
    host.publish(plan);
    REQUIRE(host.start(std::move(sockets)));
    host.use(plan);
    CHECK(host.said("list_kept") == 0);
}

TEST_CASE("server: an address of the plan that is not among the passed sockets is said once, until the plan has others",
          "[server]") {
    Planned host;
    std::vector<resolver::ListenSocket> sockets;
    sockets.push_back(std::move(*resolver::bind_socket(local(0), false)));
    auto plan = host.plan();
    plan.listen = {local(1)};
    host.publish(plan);
    REQUIRE(host.start(std::move(sockets)));
    for (int i = 0; i < 3; ++i)
        host.use(plan);
    CHECK(host.said("listen_mismatch") == 1);
    plan.listen = {local(2)};
    host.use(plan);
    CHECK(host.said("listen_mismatch") == 2);
}

TEST_CASE("server: an upstream that is this resolver is not used, is counted with each plan and said once",
          "[server]") {
    Planned host;
    auto plan = host.plan();
    host.publish(plan);
    REQUIRE(host.start());
    plan.listen = {host.address()};
    plan.upstreams.push_back({2, host.address()});
    for (int i = 0; i < 3; ++i)
        host.use(plan);
    CHECK(host.said("upstream_is_self") == 1);
    CHECK(host.server->stats().events[static_cast<std::size_t>(core::ResolverEvent::kLoopDetected)] == 3);
    plan.upstreams.pop_back();
    host.use(plan);
    plan.upstreams.push_back({2, host.address()});
    host.use(plan);
    CHECK(host.said("upstream_is_self") == 2);
}
