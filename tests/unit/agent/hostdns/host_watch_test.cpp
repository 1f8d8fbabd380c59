// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/host_watch.h"
#include "core/file_system.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

struct Watched final : HostWatch::Outside {
    Watched() : lab(test::plain_host()) {
        AgentConfig agent;
        agent.state_dir = lab.folder.path();
        agent.runtime_dir = run.path();
        paths = paths_of(agent);
        dns.listen = {test::kUs};
        watch.emplace(clock, lab.host, paths, dns, *this);
    }
    std::vector<core::IpAddress> instance_nameservers() override { return nameservers; }
    void upstreams_changed(const HostUpstreams& now) override {
        told.push_back(now.servers.empty() ? "" : now.servers.front().text());
    }
    bool wished() const { return core::read_file(paths.reapply_wish, 100).has_value(); }

    test::Lab lab;
    test::TempFolder run;
    test::FakeClock clock;
    Paths paths;
    DnsConfig dns;
    std::vector<core::IpAddress> nameservers;
    std::vector<std::string> told;
    std::optional<HostWatch> watch;
};

}  // namespace

TEST_CASE("hostdns: other upstreams are told within a second, and once", "[hostdns]") {
    Watched w;
    CHECK(w.watch->use(w.dns).servers.front().text() == "10.0.0.1:53");
    w.watch->start();
    w.clock.advance(10 * core::kSecond);
    CHECK(w.told.empty());  // who called use() knows
    w.lab.host.with_file(kResolvConf, "nameserver 10.0.0.2\n");
    w.clock.advance(core::kSecond);
    CHECK(w.told == std::vector<std::string>{"10.0.0.2:53"});
    // The patience of the clients counts, too; a host that names nobody keeps what it had.
    w.lab.host.with_file(kResolvConf, "nameserver 10.0.0.2\noptions timeout:1\n");
    w.clock.advance(core::kSecond);
    CHECK(w.told.size() == 2);
    CHECK(w.watch->upstreams().budget_ms() == 1800);
    w.lab.host.with_file(kResolvConf, "options timeout:1\n");
    w.clock.advance(10 * core::kSecond);
    CHECK(w.told.size() == 2);
    CHECK(w.watch->upstreams().servers.front().text() == "10.0.0.2:53");
}

TEST_CASE("hostdns: a host without upstreams takes the instance's as soon as they are known", "[hostdns]") {
    Watched w;
    w.lab.host.files.erase(kResolvConf);
    CHECK(w.watch->use(w.dns).servers.empty());
    w.watch->start();
    w.nameservers = {*core::IpAddress::parse("100.100.2.136")};
    w.clock.advance(core::kSecond);
    CHECK(w.told == std::vector<std::string>{"100.100.2.136:53"});
    w.dns.upstreams = {*core::SocketAddress::parse("10.0.0.7", 53)};
    CHECK(w.watch->use(w.dns).source == "configured");
}

TEST_CASE("hostdns: a change that nobody was told of asks for a reapply", "[hostdns]") {
    Watched w;
    (void)w.watch->use(w.dns);
    w.watch->start();
    w.clock.advance(10 * core::kSecond);
    CHECK_FALSE(w.wished());  // nothing is taken over
    REQUIRE(w.lab.enable());
    w.clock.advance(10 * core::kSecond);
    CHECK_FALSE(w.wished());
    CHECK(w.watch->report({}).journal.state == TakeoverState::kOn);
    w.lab.host.with_file(kResolvConf, "nameserver 10.0.0.3\n");
    w.clock.advance(5 * core::kSecond);
    CHECK(w.wished());
    CHECK(w.watch->report({}).out_of_place == std::vector<std::string>{kResolvConf});
}
