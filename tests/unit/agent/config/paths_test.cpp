#include "agent/config/paths.h"

#include <catch2/catch.hpp>

using namespace postern::agent;

TEST_CASE("config: files lie in the manual's places, and below two folders once these are moved", "[config]") {
    AgentConfig agent;
    CHECK(paths_of(agent).durable_plan == "/var/lib/postern-plan/plan");
    CHECK(paths_of(agent).stats == "/run/postern-resolver/stats");
    agent.state_dir = "/s";
    agent.runtime_dir = "/r";
    const Paths moved = paths_of(agent);
    CHECK(moved.durable_plan == "/s/plan");
    CHECK(moved.fallback == "/s/fallback-upstreams");
    CHECK(moved.current_plan == "/r/plan");
    CHECK(moved.stats == "/r/stats");
    CHECK(moved.probe_log == "/s/probe.log");
}
