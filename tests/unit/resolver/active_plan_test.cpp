// SPDX-License-Identifier: Apache-2.0
// The plan that is made of the fallback file.
#include "resolver/active_plan.h"

#include <algorithm>

#include "tests/unit/catch.h"
#include "tests/unit/resolver/plan_kit.h"

using namespace postern;
using namespace postern::resolver;

TEST_CASE("fallback plan: the file's lists, its names without answers, and who may ask", "[plan]") {
    const core::Fallback file{.listen = {*core::SocketAddress::parse("127.0.0.153", 53)},
                              .upstreams = {*core::SocketAddress::parse("192.0.2.1", 53),
                                            *core::SocketAddress::parse("[fe80::1%eth0]:5353", 53)},
                              .names = {"DB.example", "not..a.name", "www.example."},
                              .allow = {*core::IpPrefix::parse("10.1.0.0/16")}};
    const core::PlanView plan = plan_from_fallback(file);
    CHECK(plan.generation == 0);
    CHECK(plan.listen == file.listen);
    CHECK(plan.allow == file.allow);
    REQUIRE(plan.upstreams.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(plan.upstreams[i].address == file.upstreams[i]);
        CHECK(plan.upstreams[i].id == i + 1);
    }
    REQUIRE(plan.owners.size() == 2);
    CHECK(std::ranges::equal(plan.owners[0].name, test::wire_name("db.example.")));
    CHECK(std::ranges::equal(plan.owners[1].name, test::wire_name("www.example.")));
    for (const core::OwnerView& owner : plan.owners) {
        CHECK_FALSE(owner.ready);
        CHECK(plan.links.at(owner.link).name == "fallback");
        CHECK(owner.explain.starts_with("no valid plan"));
    }
}

TEST_CASE("fallback plan: where the file does not say who may ask it is this host", "[plan]") {
    const core::PlanView plan = plan_from_fallback({});
    CHECK(plan.allow == std::vector{*core::IpPrefix::parse("127.0.0.0/8"), *core::IpPrefix::parse("::1/128")});
    CHECK(plan.listen.empty());
    CHECK(plan.upstreams.empty());
    CHECK(plan.owners.empty());
}

TEST_CASE("fallback plan: the names of the largest file that is read have room in a plan", "[plan]") {
    // One that does not fit would take the addresses to listen on and the upstreams with it.
    core::Fallback file{.upstreams = {*core::SocketAddress::parse("192.0.2.1", 53)}};
    file.names.assign(core::kMaxFallbackBytes / std::string_view("name a\n").size(), "a");
    const core::PlanView plan = plan_from_fallback(file);
    CHECK(plan.upstreams.size() == 1);
    CHECK(plan.owners.size() == file.names.size());
}
