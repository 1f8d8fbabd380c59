// SPDX-License-Identifier: Apache-2.0
#include "resolver/plan_watcher.h"

#include <unistd.h>

#include "core/loop.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/resolver/plan_kit.h"
#include "tests/unit/temp_folder.h"

#include <catch2/catch.hpp>

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
