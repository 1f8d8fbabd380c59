// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/plan_publisher.h"

#include "core/fallback_file.h"
#include "core/file_system.h"
#include "core/plan.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

namespace postern::agent {
namespace {

PlanInput forwarding_only() {
    PlanInput input;
    input.now_wall_us = 1767323045000000;
    input.dns.listen = {*core::SocketAddress::parse("127.0.0.153:53", 53)};
    input.upstreams = {*core::SocketAddress::parse("192.0.2.53:53", 53)};
    return input;
}

}  // namespace

TEST_CASE("plan: a resolver with the previous one is up to date while the new one is being loaded", "[plan]") {
    test::TempFolder folder;
    core::Loop loop;
    test::FakeClock clock;
    Paths paths;
    paths.current_plan = folder / "plan";
    paths.durable_plan = folder / "durable";
    paths.fallback = folder / "fallback";
    paths.generation = folder / "generation";
    PlanPublisher publisher(loop, clock, paths);
    CHECK_FALSE(publisher.up_to_date(0));
    publisher.publish(forwarding_only());
    const auto first = publisher.published_generation();
    CHECK(publisher.up_to_date(first));
    CHECK_FALSE(publisher.up_to_date(0));  // nothing was accepted yet: nothing to wait with
    CHECK_FALSE(publisher.up_to_date(first - 1));

    clock.advance(core::kMinute);
    publisher.publish(forwarding_only());
    const auto second = publisher.published_generation();
    REQUIRE(second > first);
    CHECK(core::PlanView::load(paths.current_plan)->generation == second);
    CHECK(publisher.up_to_date(second));
    CHECK(publisher.up_to_date(first));
    clock.advance(core::kSecond);
    CHECK_FALSE(publisher.up_to_date(first));
    CHECK(publisher.up_to_date(second));
    publisher.flush();
}

TEST_CASE("plan: the fallback file says who may ask, and is written again where it does not", "[plan]") {
    test::TempFolder folder;
    core::Loop loop;
    test::FakeClock clock;
    Paths paths;
    paths.current_plan = folder / "plan";
    paths.durable_plan = folder / "durable";
    paths.fallback = folder / "fallback";
    paths.generation = folder / "generation";
    PlanInput input = forwarding_only();
    input.dns.allow = {*core::IpPrefix::parse("127.0.0.0/8"), *core::IpPrefix::parse("172.17.0.0/16")};
    const auto allowed = [&] { return core::parse_fallback(core::read_file(paths.fallback, 4096).value_or("")).allow; };
    for (const char* found : {"", "listen 127.0.0.153:53\nupstream 192.0.2.53:53\n"}) {
        REQUIRE(core::write_file(paths.fallback, core::as_bytes(found), 0640, false));
        PlanPublisher publisher(loop, clock, paths);
        publisher.publish(input);
        publisher.flush();
        CHECK(allowed() == input.dns.allow);
    }
}

TEST_CASE("plan: a name that is only verified is forwarded by the fallback file, too, whatever an earlier one said",
          "[plan]") {
    test::TempFolder folder;
    core::Loop loop;
    test::FakeClock clock;
    Paths paths;
    paths.current_plan = folder / "plan";
    paths.durable_plan = folder / "durable";
    paths.fallback = folder / "fallback";
    paths.generation = folder / "generation";
    PlanInput input = forwarding_only();
    input.links.push_back({"prod", "db.example.com", {{*core::IpAddress::parse("10.0.0.1"), "", ""}}, {}, 0, true});
    const auto fallback = [&] { return core::parse_fallback(core::read_file(paths.fallback, 4096).value_or("")); };
    PlanPublisher publisher(loop, clock, paths);
    publisher.publish(input);
    publisher.flush();
    const core::Fallback answered = fallback();
    CHECK(answered.names == std::vector<std::string>{"db.example.com"});
    input.links[0].answer = false;
    publisher.publish(input);
    publisher.flush();
    CHECK(fallback().names.empty());
    CHECK(fallback().forwarded == std::vector<std::string>{"db.example.com"});
    std::string kept;
    CHECK(core::with_known(fallback(), answered, &kept).names.empty());
    CHECK(kept.empty());
    core::Fallback emptied = fallback();
    emptied.forwarded.clear();
    CHECK(core::with_known(emptied, answered, &kept).names == answered.names);  // an emptied list takes nothing away
    CHECK(kept == "name");
}

}  // namespace postern::agent
