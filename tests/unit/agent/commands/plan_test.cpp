// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "agent/steering/plan_compiler.h"
#include "core/plan.h"
#include "tests/unit/agent/commands/captured.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

namespace {

constexpr const char* kLink =
    "[[link]]\nname = \"prod\"\nhost = \"db.example.com\"\naddresses = [\"10.0.0.1\", \"10.0.0.2\"]\n";

core::Bytes plan_of(std::uint64_t generation, const std::string& explain = "both up",
                    const std::string& link = "prod") {
    PlanInput input;
    input.generation = generation;
    input.boot_id = core::boot_id();
    input.dns.listen = {*core::SocketAddress::parse("127.0.0.153:53", 53)};
    input.upstreams = {*core::SocketAddress::parse("192.0.2.53:53", 53)};
    const EndpointSet addresses = make_endpoint_set({{*core::IpAddress::parse("10.0.0.1"), "h", ""}});
    input.links.push_back({link, "db.example.com", addresses, {}, 0});
    auto plan = compile_plan(without_verdicts(std::move(input)));
    REQUIRE(plan);
    for (auto& owner : plan->owners)
        owner.explain = explain;
    return core::serialize(*plan).value();
}

void put(const std::string& path, const core::Bytes& bytes) {
    REQUIRE(core::write_file(path, bytes, 0600, false));
}

}  // namespace

TEST_CASE("plan show: names, addresses and why, for people and machines", "[plan]") {
    const Host host;
    PlanShowCommand command{.config = host.file, .file = host.folder / "p"};
    put(command.file, plan_of((5ull << 32) + 12));
    const Printed text = run(command);
    CHECK(text.code == kExitGood);
    for (const char* part : {"start 5, publication 12", "127.0.0.153:53", "192.0.2.53", "db.example.com  link prod",
                             "10.0.0.1", "why   both up"})
        CHECK(has(text.out, part));
    command.json = true;
    const auto json = nlohmann::json::parse(run(command).out);
    CHECK(json["schema_version"] == 1);
    CHECK(json["generation"] == (5ull << 32) + 12);
    CHECK(json["owners"][0]["name"] == "db.example.com");
    CHECK(json["owners"][0]["rrsets"][0]["type"] == "A");
}

TEST_CASE("plan show: a plan of somebody else can't draw on the terminal", "[plan]") {
    const Host host;
    PlanShowCommand command{.config = host.file, .file = host.folder / "p"};
    put(command.file, plan_of(1, "x\x1b[2J\r\xff", "l\x1b]0;t\x07"));
    CHECK(harmless(run(command).out));
    command.json = true;
    const Printed p = run(command);
    CHECK(harmless(p.out));
    CHECK(nlohmann::json::parse(p.out).is_object());
}

TEST_CASE("plan show: each way to be no plan is told, with the next step", "[plan]") {
    const Host host;
    const PlanShowCommand command{.config = host.file, .file = host.folder / "p"};
    const Printed missing = run(command);
    CHECK(missing.code == kExitUnknown);
    CHECK(has(missing.err, "there is no plan at"));
    const core::Bytes whole = plan_of(1);
    std::size_t refused = 0;
    const auto check_refused = [&](const core::Bytes& bytes) {
        put(command.file, bytes);
        const Printed p = run(command);
        CHECK(p.code == kExitFailed);
        CHECK(p.out.empty());
        CHECK(has(p.err, "is not a valid plan: "));
        ++refused;
    };
    for (std::size_t n = 0; n < whole.size(); n += 1 + whole.size() / 40)
        check_refused(core::Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)));
    for (std::size_t n = 0; n < whole.size(); n += 1 + whole.size() / 40) {
        core::Bytes changed = whole;
        changed[n] ^= 0x40;
        check_refused(changed);
    }
    CHECK(refused > 40);
    REQUIRE(::unlink(command.file.c_str()) == 0);
    REQUIRE(::mkdir(command.file.c_str(), 0700) == 0);
    CHECK(run(command).code != kExitGood);
}

TEST_CASE("plan show: without a file the current plan, else the durable one", "[plan]") {
    const Host host;
    const Paths paths = paths_of(host.config().agent);
    const PlanShowCommand command{.config = host.file};
    CHECK(run(command).code == kExitUnknown);
    REQUIRE(core::make_folders(core::folder_of(paths.durable_plan), 0700));
    put(paths.durable_plan, plan_of(7));
    CHECK(has(run(command).out, "publication 7"));
    put(paths.current_plan, plan_of(8));
    CHECK(has(run(command).out, "publication 8"));
    put(paths.current_plan, {1, 2, 3});  // what the resolver refuses is what has to be seen
    CHECK(run(command).code == kExitFailed);
}

TEST_CASE("plan compile: a plan for the resolver, from the configuration alone", "[plan]") {
    const Host host("[dns]\nupstreams = [\"192.0.2.53\"]\n" + std::string(kLink));
    const PlanCompileCommand command{.config = host.file, .out = host.folder / "out"};
    const Printed made = run(command);
    CHECK(made.code == kExitGood);
    const auto plan = core::PlanView::load(command.out);
    REQUIRE(plan);
    CHECK(has(made.out, command.out + ": plan "));
    REQUIRE_FALSE(plan->owners.empty());
    struct stat info {};
    REQUIRE(::stat(command.out.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0640);

    host.configure(
        "[dns]\nupstreams = [\"192.0.2.53\"]\n[[link]]\nname = \"p\"\nhost = \"db.example.com\"\nendpoint = \"ep-bp1a\"\n");
    const Printed waiting = run(command);
    CHECK(waiting.code == kExitWarning);
    CHECK(has(waiting.err, "no address yet"));
    const Printed refused = run(PlanCompileCommand{.config = host.file, .out = host.folder / "none/out"});
    CHECK(refused.code == kExitFailed);
    CHECK_FALSE(refused.err.empty());
    host.configure("[dns]\nlisten = 7\n");
    CHECK(run(command).code == kExitUnknown);
}
