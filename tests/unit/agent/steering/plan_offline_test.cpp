// SPDX-License-Identifier: Apache-2.0
#include "agent/config/paths.h"
#include "agent/hostdns/resolv_conf.h"
#include "agent/steering/plan_compiler.h"
#include "core/fallback_file.h"
#include "core/file_system.h"
#include "tests/unit/agent/hostdns/fake_host.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

namespace {

constexpr const char* kResolvConfPath = "/etc/resolv.conf";

/// A machine whose agent has run: its state folder, and what it left there.
struct Machine {
    Machine() {
        config.agent.state_dir = folder / "state";
        config.agent.runtime_dir = folder / "run";
        config.dns.listen = {*core::SocketAddress::parse("127.0.0.153:53", 53)};
        paths = paths_of(config.agent);
        for (const auto& each : folders_of(paths))
            REQUIRE(core::make_folders(each, 0700));
    }
    void put_plan(const std::string& path, const char* upstream, std::uint64_t number) {
        PlanInput input;
        input.generation = number;
        input.boot_id = core::boot_id();
        input.dns = config.dns;
        input.upstreams = {*core::SocketAddress::parse(upstream, 53)};
        const auto bytes = core::serialize(compile_plan(input).value());
        REQUIRE(bytes);
        REQUIRE(core::write_file(path, *bytes, 0600, false));
    }
    void put_fallback(const char* upstream) {
        core::Fallback fallback;
        fallback.upstreams = {*core::SocketAddress::parse(upstream, 53)};
        REQUIRE(core::write_file(paths.fallback, core::as_bytes(core::format_fallback(fallback)), 0600, false));
    }
    std::string compiled_upstreams() {
        const auto bytes = compile_offline(config, host);
        REQUIRE(bytes);
        const auto plan = core::PlanView::parse(*bytes);
        REQUIRE(plan);
        generation = plan->generation;
        std::string out;
        for (const auto& u : plan->upstreams)
            out += (out.empty() ? "" : " ") + u.address.text();
        return out;
    }

    test::TempFolder folder;
    test::FakeHost host;
    Config config;
    Paths paths;
    std::uint64_t generation = 0;
};

}  // namespace

TEST_CASE("plan compile: an absence never takes the upstreams of a host that names only postern", "[plan]") {
    const std::string by_us = compose_resolv_conf("", *core::IpAddress::parse("127.0.0.153"), std::nullopt);
    struct Row {
        const char* what;
        std::optional<std::string> resolv_conf;
    };
    const Row rows[] = {{"set by hand", "nameserver 127.0.0.153\n"},
                        {"our file, and the journal lost", by_us},
                        {"no resolv.conf", std::nullopt},
                        {"an empty one", ""},
                        {"only comments", "# nothing here\n; nor here\n"}};
    for (const Row& row : rows) {
        INFO(row.what);
        Machine m;
        if (row.resolv_conf) m.host.with_file(kResolvConfPath, *row.resolv_conf);
        CHECK(m.compiled_upstreams().empty());  // a host that never had any
        m.put_fallback("100.100.2.138:53");
        CHECK(m.compiled_upstreams() == "100.100.2.138:53");
        m.put_plan(m.paths.durable_plan, "100.100.2.136:53", 6);
        CHECK(m.compiled_upstreams() == "100.100.2.136:53");
        CHECK(m.generation == 7);
        m.put_plan(m.paths.current_plan, "10.0.0.2:53", 9);
        CHECK(m.compiled_upstreams() == "10.0.0.2:53");
        CHECK(m.generation == 10);
    }
}

TEST_CASE("plan compile: what is configured, and what the host names, goes before what is remembered", "[plan]") {
    Machine m;
    m.put_fallback("100.100.2.138:53");
    m.put_plan(m.paths.durable_plan, "100.100.2.136:53", 6);
    m.host.with_file(kResolvConfPath, "nameserver 10.0.0.9\n");
    CHECK(m.compiled_upstreams() == "10.0.0.9:53");
    m.config.dns.upstreams = {*core::SocketAddress::parse("10.0.0.8:53", 53)};
    CHECK(m.compiled_upstreams() == "10.0.0.8:53");
}

TEST_CASE("plan compile: an address that is ours by now is no upstream, wherever it is remembered", "[plan]") {
    Machine m;
    m.host.with_file(kResolvConfPath, "nameserver 127.0.0.153\n");
    m.put_fallback("127.0.0.153:53");
    m.put_plan(m.paths.durable_plan, "127.0.0.153:53", 6);
    CHECK(m.compiled_upstreams().empty());
}
