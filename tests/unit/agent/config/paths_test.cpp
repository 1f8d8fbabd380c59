// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "agent/config/paths.h"
#include "tests/unit/catch.h"

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

TEST_CASE("paths: the table has every path once", "[config]") {
    AgentConfig moved;
    moved.state_dir = "/s";
    moved.runtime_dir = "/r";
    for (const AgentConfig& config : {AgentConfig{}, moved}) {
        const Paths paths = paths_of(config);
        std::set<std::string> all;
        for (const PathRow& row : kPathTable)
            CHECK(all.insert(paths.*row.path).second);
        CHECK(all.size() * sizeof(std::string) == sizeof(Paths));
        CHECK(all.count("") == 0);
    }
    CHECK(folders_of(paths_of(moved)) == std::vector<std::string>{"/r", "/s"});
    CHECK(folders_of(paths_of({})) == std::vector<std::string>{"/run/postern", "/run/postern-free",
                                                               "/run/postern-hostdns", "/run/postern-resolver",
                                                               "/var/lib/postern", "/var/lib/postern-plan"});
}

TEST_CASE("paths: a name is of one folder", "[config]") {
    const Paths paths = paths_of({});
    CHECK(discarded_on_clone(paths, "/var/lib/postern-plan", "plan"));
    CHECK(discarded_on_clone(paths, "/run/postern", "plan"));
    CHECK_FALSE(discarded_on_clone(paths, "/var/lib/postern", "plan"));
    CHECK_FALSE(discarded_on_clone(paths, "/etc", "plan"));
    CHECK_FALSE(discarded_on_clone(paths, "/var/lib/postern", ""));
    CHECK_FALSE(discarded_on_clone(paths, "/var/lib/postern", "hostdns.json"));
    CHECK(discarded_on_clone(paths, "/var/lib/postern", "hostdns.json.tmp-1"));
}
