// SPDX-License-Identifier: Apache-2.0
#include "agent/account/endpoint_progress.h"

#include "agent/config/config.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using Outcome = EndpointProgress::Outcome;

namespace {

EndpointReport report(const char* status, const char* connection, const char* zone, const char* business = "Normal") {
    EndpointReport r;
    r.endpoint_id = "ep-1";
    r.status = status;
    r.connection_status = connection;
    r.business_status = business;
    r.zones = {{.zone_id = "cn-hangzhou-h", .status = zone, .ipv4 = core::IpAddress::parse("192.168.2.23")}};
    return r;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("endpoint progress: each state has a stage, an outcome and a next step", "[endpoint]") {
    struct Case {
        EndpointReport report;
        Outcome outcome;
        const char* stage;
        const char* next;
    };
    constexpr const char* kAccept = "accept it in TDengine's console: 实例 > 私有连接 > 添加私有连接, endpoint ID ep-1";
    const Case cases[] = {
        {report("Creating", "Disconnected", "Creating"), Outcome::kPending, "Creating", "is being created"},
        {report("Pending", "Connected", "Connected"), Outcome::kPending, "Pending", "being modified"},
        {report("Active", "Disconnected", "Wait"), Outcome::kPending, "Active, connection Disconnected", kAccept},
        {report("Active", "Pending", "Wait"), Outcome::kPending, "Active, connection Pending", kAccept},
        {report("Active", "Connecting", "Connecting"), Outcome::kPending, "Active, connection Connecting",
         "is connecting"},
        {report("Active", "Connected", "Wait"), Outcome::kPending, "Active, connection Connected", kAccept},
        {report("Active", "Connected", "Connected"), Outcome::kConnected, "Connected", ""},
        {report("Active", "Connected", "Connected", ""), Outcome::kConnected, "Connected", ""},
        {report("Deleting", "Disconnected", "Deleting"), Outcome::kFailed, "Deleting", "is being deleted"},
        {report("Active", "ServiceDeleted", "Disconnected"), Outcome::kFailed, "Active, connection ServiceDeleted",
         "was deleted"},
        {report("Active", "Connected", "Connected", "FinancialLocked"), Outcome::kFailed,
         "Active, connection Connected", "overdue bill"},
        {report("Hibernating", "Connected", "Connected"), Outcome::kPending, "Hibernating",
         "has the status Hibernating"},
    };
    for (const auto& c : cases) {
        INFO(c.stage << " / " << c.next);
        const auto progress = progress_of(c.report);
        CHECK(progress.outcome == c.outcome);
        CHECK(progress.stage == c.stage);
        CHECK(has(progress.next, c.next));
        CHECK(progress.next.empty() == (c.outcome == Outcome::kConnected));
    }
}

TEST_CASE("endpoint progress: the link block is a configuration once its name is filled in", "[endpoint]") {
    std::string block = link_block("td-prod", "ep-bp1example0000000001");
    const auto unfilled = parse_config("x.toml", block);
    REQUIRE_FALSE(unfilled);
    CHECK(unfilled.error().front().key == "link.host");

    block.replace(block.find("host = \"\""), 9, "host = \"gw.example.com\"");
    const auto config = parse_config("x.toml", block);
    REQUIRE(config);
    CHECK(config->links.front().name == "td-prod");
    CHECK(config->links.front().endpoints == std::vector<std::string>{"ep-bp1example0000000001"});
}

TEST_CASE("endpoint progress: whatever an endpoint is called, the link's name is one", "[endpoint]") {
    for (const char* name : {"", "生产", "a\"b\n[agent]", "-x", "td 1", "很长-x"}) {
        INFO(name);
        std::string block = link_block(name, "ep-1");
        block.replace(block.find("host = \"\""), 9, "host = \"gw.example.com\"");
        const auto config = parse_config("x.toml", block);
        CHECK(config);
    }
}
