// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/agent/doctor/judge_fixture.h"

#include "tests/unit/catch.h"

namespace postern::agent::doctor {

TEST_CASE("doctor: an agent without warnings has no finding", "[doctor]") {
    CHECK(troubles(judge_agent({})).empty());
}

TEST_CASE("doctor: a configuration with mistakes explains an agent that is down", "[doctor]") {
    ConfigSeen config;
    config.file = "/etc/postern/postern.toml";
    config.mistakes = {{3, "dns.ttl", "is not a duration"}};
    const auto findings = judge_config(config);
    CHECK(troubles(findings) == "FAIL PN-CONFIG-MISTAKE");
    AgentSeen agent;
    agent.problem = "connection refused";
    CHECK(troubles(judge_agent(agent)) == "FAIL PN-AGENT-DOWN");
    CHECK(troubles(judge_agent(agent), findings).empty());
}

TEST_CASE("doctor: what this command may not read is skipped, not wrong", "[doctor]") {
    ConfigSeen config;
    config.root = false;
    config.config.emplace();
    config.config->links.emplace_back().name = "prod";
    core::Error denied{core::Code::kFileUnreadable, "cannot open", "/etc/postern/token", EACCES};
    config.tokens = {{"prod", denied}};
    CHECK(troubles(judge_config(config)).empty());
    CHECK(because(judge_config(config), Step::kConfig) == "SKIP root");
    config.root = true;
    CHECK(troubles(judge_config(config)) == "FAIL PN-CONFIG-TOKEN");
}

TEST_CASE("doctor: remarks that have codes of their own are not told twice, whatever the others say", "[doctor]") {
    ConfigSeen config;
    config.config.emplace();
    config.config->links.emplace_back().name = "prod";
    using Kind = ConfigIssue::Kind;
    config.warnings = {{0, "link", "there is none", Kind::kNoLink}, {3, "link", "is without", Kind::kNoToken}};
    CHECK(troubles(judge_config(config)).empty());
    config.warnings.push_back({5, "link.zones", "\"there is no [[link]]\" has no token_file", Kind::kGeneral});
    const auto findings = judge_config(config);
    CHECK(troubles(findings) == "WARN PN-CONFIG-WARNING");
    CHECK(findings[0].values.at("count") == "1");
}

}  // namespace postern::agent::doctor
