// SPDX-License-Identifier: Apache-2.0
#include "resolver/plan_watcher.h"

#include <unistd.h>

#include <algorithm>

#include "core/log.h"
#include "core/loop.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/resolver/handler_kit.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::resolver;

TEST_CASE("plan watcher: reload never goes back to an older durable plan", "[plan]") {
    const test::TempFolder folder;
    const std::string current = folder / "plan", durable = folder / "durable";
    const auto publish = [](const std::string& path, std::uint64_t generation) {
        const auto bytes = core::serialize(test::base_plan(generation));
        REQUIRE(core::write_file(path, *bytes, 0644, false));
    };
    publish(current, 10);
    publish(durable, 5);
    core::Loop loop;
    test::FakeClock clock;
    core::StatsPage stats;
    std::uint64_t used = 0;
    PlanWatcher watcher(
        loop, clock, {{current, durable}, ""}, stats, 1, [&](const PlanPointer& plan) { used = plan->view.generation; },
        [] {});
    watcher.start();
    CHECK(used == 10);
    REQUIRE(core::write_file(current, core::as_bytes("garbage"), 0644, false));
    watcher.reload();
    CHECK(used == 10);
    ::unlink(current.c_str());
    watcher.reload();
    CHECK(used == 10);
    CHECK(stats.plan_accepted_generation == 10);
    // A newer durable one is taken, and so is whatever is valid at the current path.
    publish(durable, 11);
    watcher.reload();
    CHECK(used == 11);
    ::unlink(durable.c_str());
    publish(current, 3);
    watcher.reload();
    CHECK(used == 3);
    watcher.stop();
}

// New verdicts come every minute or two: a line for each would hide the others. Status shows where the plan is from.
TEST_CASE("plan watcher: a plan is news if its names or its place are others", "[plan]") {
    const test::TempFolder folder;
    const std::string current = folder / "plan", durable = folder / "durable";
    std::vector<core::Level> said;
    core::capture_log([&](core::Level level, std::string_view event, const std::string&) {
        if (event == "plan_accepted") said.push_back(level);
    });
    core::Loop loop;
    test::FakeClock clock;
    core::StatsPage stats;
    PlanWatcher watcher(
        loop, clock, {{current, durable}, ""}, stats, 1, [](const PlanPointer&) {}, [] {});
    const auto take = [&](const std::string& path, std::uint64_t generation, std::uint64_t membership) {
        auto plan = test::base_plan(generation);
        plan.membership = membership;
        REQUIRE(core::write_file(path, *core::serialize(plan), 0644, false));
        watcher.reload();
        REQUIRE(stats.plan_accepted_generation == generation);
        return static_cast<core::PlanSource>(stats.plan_source);
    };
    CHECK(take(current, 1, 7) == core::PlanSource::kCurrent);
    CHECK(take(current, 2, 7) == core::PlanSource::kCurrent);
    CHECK(take(current, 3, 8) == core::PlanSource::kCurrent);
    CHECK(take(durable, 4, 8) == core::PlanSource::kDurable);
    CHECK(take(durable, 5, 8) == core::PlanSource::kDurable);
    core::capture_log({});
    const auto kNews = core::Level::kInfo, kQuiet = core::Level::kDebug;
    CHECK(said == std::vector{kNews, kQuiet, kNews, kNews, kQuiet});
}

namespace {

/// A resolver without a valid plan: what it takes from its fallback file.
struct Falling {
    const test::TempFolder folder;
    const std::string path = folder / "fallback";
    core::Loop loop;
    test::FakeClock clock;
    core::StatsPage stats;
    PlanPointer plan;
    std::vector<std::string> warnings;
    std::unique_ptr<PlanWatcher> watcher;

    Falling() {
        core::capture_log(
            [this](core::Level, std::string_view event, const std::string&) { warnings.emplace_back(event); });
    }
    ~Falling() {
        watcher->stop();
        watcher.reset();
        core::capture_log({});
        CHECK(loop.close());
    }
    void write(const std::string& text) { REQUIRE(core::write_file(path, core::as_bytes(text), 0644, false)); }
    void start(std::vector<std::string> resolv_confs = {}) {
        watcher = std::make_unique<PlanWatcher>(
            loop, clock, PlanPaths{{folder / "plan"}, path}, stats, 1, [this](PlanPointer p) { plan = std::move(p); },
            [] {});
        watcher->set_resolv_confs(std::move(resolv_confs));
        watcher->start();
    }
    bool allows(const std::string& address) const {
        return plan->filter.allows(test::client_at(address + ":4000").peer);
    }
    std::ptrdiff_t said(const std::string& event) const { return std::count(warnings.begin(), warnings.end(), event); }
};

constexpr const char* kWhole =
    "listen 127.0.0.153:53\nupstream 192.0.2.1:53\nname db.example\nallow 127.0.0.0/8\nallow 10.1.0.0/16\n";

}  // namespace

TEST_CASE("plan watcher: an empty list of the fallback file never replaces one that is in use", "[plan]") {
    Falling f;
    f.write(kWhole);
    f.start();
    REQUIRE(f.plan->view.listen.size() == 1);
    for (const char* rest :
         {"", "garbage\n", "upstream 192.0.2.1:53\n", "listen 127.0.0.153:53\n", "name db.example\n"}) {
        INFO(rest);
        f.write(rest);
        f.watcher->reload();
        CHECK(f.plan->view.listen.size() == 1);
        CHECK(f.plan->view.upstreams.size() == 1);
        CHECK(f.plan->view.owners.size() == 1);
        CHECK(f.allows("10.1.2.3"));
    }
    ::unlink(f.path.c_str());
    f.watcher->reload();
    CHECK(f.plan->view.listen.size() == 1);
    CHECK(f.plan->view.owners.size() == 1);
    // What is not empty counts.
    f.write("listen 127.0.0.153:53\nupstream 192.0.2.2:53\nname other.example\nallow 127.0.0.0/8\n");
    f.watcher->reload();
    CHECK(f.plan->view.upstreams.at(0).address.text() == "192.0.2.2:53");
    CHECK_FALSE(f.allows("10.1.2.3"));
}

TEST_CASE("plan watcher: upstreams from a resolv.conf are read again with it", "[plan]") {
    Falling f;
    const std::string conf = f.folder / "resolv.conf";
    const auto put = [&](const std::string& text) {
        REQUIRE(core::write_file(conf, core::as_bytes(text), 0644, false));
    };
    f.write("listen 127.0.0.153:53\nname db.example\n");
    put("nameserver 192.0.2.8\n");
    f.start({conf});
    CHECK(f.plan->view.upstreams.at(0).address.text() == "192.0.2.8:53");
    put("nameserver 192.0.2.9\n");
    f.watcher->reload();
    CHECK(f.plan->view.upstreams.at(0).address.text() == "192.0.2.9:53");
    CHECK(f.said("list_kept") == 0);
}

TEST_CASE("plan watcher: the lists that are kept are said once, until they are others", "[plan]") {
    Falling f;
    f.write(kWhole);
    f.start();
    CHECK(f.said("list_kept") == 0);
    for (int i = 0; i < 3; ++i) {
        f.write("");
        f.watcher->reload();
    }
    CHECK(f.said("list_kept") == 1);
    CHECK(f.said("plan_missing") == 1);
    f.write("upstream 192.0.2.1:53\n");
    f.watcher->reload();
    CHECK(f.said("list_kept") == 2);
}

TEST_CASE("plan watcher: without a plan only those may ask whom the fallback file allows, else this host", "[plan]") {
    Falling f;
    const bool known = GENERATE(true, false);
    f.write(known ? kWhole : "listen 127.0.0.153:53\nupstream 192.0.2.1:53\nname db.example\nallow nonsense\n");
    f.start();
    CHECK(f.allows("127.0.0.1"));
    CHECK(f.allows("10.1.2.3") == known);
    for (const char* other : {"10.2.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.0.1", "192.0.2.1"})
        CHECK_FALSE(f.allows(other));
    CHECK(f.allows("192.0.0.8"));  // of our own interface
    CHECK(f.allows("[::1]") == !known);
    CHECK_FALSE(f.allows("[fd00::1]"));
    CHECK_FALSE(f.allows("[fe80::1]"));
}
