// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/resolver_report.h"

#include <cstring>

#include "agent/faults/fault_text.h"
#include "core/file_system.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/agent/steering/lock_holder.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

namespace {

const core::SocketAddress kUpstream = *core::SocketAddress::parse("192.0.2.53:53", 53);

std::string problem_in(const StatusSnapshot& s) {
    return s.resolver.fault ? told(*s.resolver.fault, doctor::Catalogue::in(doctor::Language::kEnglish)) : "";
}

struct Bench {
    test::TempFolder folder;
    core::Loop loop;
    test::FakeClock clock;
    Paths paths;
    DnsConfig dns;
    HostUpstreams upstreams{{kUpstream}, "/etc/resolv.conf", 5};
    std::unique_ptr<PlanPublisher> publisher;
    core::StatsPage page;

    Bench() {
        paths.current_plan = folder / "plan";
        paths.durable_plan = folder / "durable";
        paths.fallback = folder / "fallback";
        paths.generation = folder / "generation";
        paths.stats = folder / "stats";
        paths.resolver_lock = folder / "lock";
        dns.listen = {*core::SocketAddress::parse("127.0.0.153:53", 53)};
        publisher = std::make_unique<PlanPublisher>(loop, clock, paths);
        PlanInput input;
        input.now_wall_us = clock.wall_us();
        input.dns = dns;
        input.upstreams = {kUpstream};
        publisher->publish(input);
        page.plan_accepted_generation = publisher->published_generation();
        page.upstreams[3].id = upstream_id(kUpstream);
        page.upstreams[3].sent = 7;
        page.links[2].id = link_id("prod");
        page.links[2].answers = 11;
    }
    ~Bench() {
        publisher->flush();
        publisher.reset();
        CHECK(loop.close());
    }
    void write_page() const {
        std::string text(sizeof page, '\0');
        std::memcpy(text.data(), &page, sizeof page);
        write(text);
    }
    void write(const std::string& text) const {
        REQUIRE(core::write_file(paths.stats, core::as_bytes(text), 0600, false));
    }
    StatusSnapshot status(const ResolverChild* child = nullptr) const {
        StatusSnapshot out;
        for (const char* name : {"prod", "other"})
            out.links.emplace_back().name = name;
        report_resolver({paths, dns, upstreams, *publisher, child}, out);
        return out;
    }
};

}  // namespace

TEST_CASE("resolver report: a running resolver with the plan, its upstreams and what it answered of each link",
          "[resolver_report]") {
    Bench b;
    b.write_page();
    const test::LockHolder running(b.paths.resolver_lock);
    const StatusSnapshot s = b.status();
    CHECK(s.resolver.running);
    CHECK(s.resolver.pid == running.pid());
    CHECK_FALSE(s.resolver.managed);
    CHECK(s.resolver.stats_valid);
    CHECK(s.resolver.accepted);
    CHECK(problem_in(s).empty());
    CHECK(s.resolver.listen == b.dns.listen);
    CHECK(s.resolver.upstream_source == "/etc/resolv.conf");
    CHECK(s.resolver.published_generation == b.publisher->published_generation());
    REQUIRE(s.resolver.upstreams.size() == 1);
    CHECK(s.resolver.upstreams[0].stats.sent == 7);
    CHECK(s.links[0].answers == 11);
    CHECK(s.links[1].answers == 0);
}

TEST_CASE("resolver report: a resolver that is not running has accepted nothing, whatever its last statistics say",
          "[resolver_report]") {
    Bench b;
    b.write_page();
    StatusSnapshot s = b.status();
    CHECK_FALSE(s.resolver.running);
    CHECK(s.resolver.pid == 0);
    CHECK_FALSE(s.resolver.accepted);
    CHECK(problem_in(s).find("postern-resolver.service") != std::string::npos);
    core::SeededRandom random{1};
    const ResolverChild child(b.loop, b.clock, random, {"/nonexistent", b.paths, {}});
    s = b.status(&child);
    CHECK(s.resolver.managed);
    CHECK_FALSE(problem_in(s).empty());
    CHECK(problem_in(s).find(".service") == std::string::npos);  // we start it, not systemd
}

TEST_CASE("resolver report: a plan that is on its way is accepted for a second, an older one never",
          "[resolver_report]") {
    Bench b;
    const test::LockHolder running(b.paths.resolver_lock);
    b.page.plan_accepted_generation -= 1;
    b.write_page();
    CHECK_FALSE(b.status().resolver.accepted);
    b.page.plan_accepted_generation = UINT64_MAX;
    b.write_page();
    CHECK(b.status().resolver.stats_valid);
}

TEST_CASE("resolver report: statistics that can't be read are a problem, and no number of them is shown",
          "[resolver_report]") {
    Bench b;
    const test::LockHolder running(b.paths.resolver_lock);
    const auto check_bad = [&] {
        const StatusSnapshot s = b.status();
        CHECK_FALSE(s.resolver.stats_valid);
        CHECK_FALSE(s.resolver.stats_problem.empty());
        CHECK(problem_in(s).find(s.resolver.stats_problem) != std::string::npos);
        CHECK_FALSE(s.resolver.accepted);
        REQUIRE(s.resolver.upstreams.size() == 1);
        CHECK(s.resolver.upstreams[0].stats.sent == 0);
        CHECK(s.links[0].answers == 0);
    };
    check_bad();  // there are none yet
    b.write("");
    check_bad();
    b.write(std::string(sizeof(core::StatsPage), '\0'));
    check_bad();
    b.write(std::string(10 << 20, 'x'));
    check_bad();
    b.page.write_end = b.page.write_begin + 1;  // torn
    b.write_page();
    check_bad();
    b.page.write_end = b.page.write_begin;
    b.page.version += 1;
    b.write_page();
    check_bad();
}

TEST_CASE("resolver report: nobody to forward to is a problem of its own", "[resolver_report]") {
    Bench b;
    b.write_page();
    const test::LockHolder running(b.paths.resolver_lock);
    b.upstreams = {};
    const StatusSnapshot s = b.status();
    CHECK(s.resolver.upstreams.empty());
    CHECK(problem_in(s).find("[dns] upstreams") != std::string::npos);
}
