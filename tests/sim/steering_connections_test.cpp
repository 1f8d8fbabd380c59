// SPDX-License-Identifier: Apache-2.0
// Whose lost connections may be ended, on a fake clock: what the plan says, and what the agent asks for.
#include "agent/freeing/may_free.h"
#include "core/file_system.h"
#include "tests/sim/steering_world.h"

using namespace postern;
using namespace postern::agent;
using core::kHour;
using core::kMinute;
using core::TargetState;
using probe::Reason;

namespace {

constexpr const char *kA = "10.0.1.1", *kB = "10.0.2.1";

struct World : test::SteeringWorld {
    explicit World(bool free_stuck) {
        Config c = config();
        c.links[0].free_stuck = free_stuck;
        engine->configure(c);
        engine->start(false);
        clock.advance(kMinute);
    }
    void lose(const char* ip) {
        prober.set(ip, {Reason::kTcpTimeout, core::kSecond});
        clock.advance(kMinute);
    }
    std::string to_free() const {
        std::string out;
        for (const auto& free : engine->to_free())
            out += free.target.address.text() + (free.idle ? " idle " : " ");
        return out;
    }
    /// As postern-free reads the plan that was published last.
    FreeRefusal refusal(const char* ip, bool by_hand = false) const {
        PlanInput input = plans.back();
        input.boot_id = core::boot_id();
        const auto view = core::PlanView::parse(*core::serialize(*compile_plan(input)));
        REQUIRE(view);
        return may_free(*view, *core::SocketAddress::parse(ip, 443), clock.mono_us(), core::boot_id(), by_hand).refusal;
    }
};

}  // namespace

TEST_CASE("freeing: an address withdrawn by its path, while another is answered", "[sim][freeing]") {
    World w(true);
    CHECK(w.to_free().empty());
    CHECK(w.refusal(kB) == FreeRefusal::kAnswered);
    w.lose(kB);
    CHECK(w.to_free() == "10.0.2.1:443 ");
    CHECK(w.refusal(kB) == FreeRefusal::kNone);
    CHECK(w.refusal(kA) == FreeRefusal::kAnswered);
    w.lose(kA);  // everything is down, and answered
    CHECK(w.to_free().empty());
    CHECK(w.refusal(kA) == FreeRefusal::kAnswered);
    CHECK(w.refusal(kB) == FreeRefusal::kAnswered);
    w.prober.clear();
    w.clock.advance(kMinute);
    CHECK(w.to_free().empty());
}

TEST_CASE("freeing: without the owner's word only by hand; a service that fails is no lost path", "[sim][freeing]") {
    World w(false);
    w.lose(kB);
    CHECK(w.to_free().empty());
    CHECK(w.refusal(kB) == FreeRefusal::kNotAsked);
    CHECK(w.refusal(kB, true) == FreeRefusal::kNone);
    World service(true);
    service.prober.set(kB, Reason::kHttpStatus5xx);
    service.clock.advance(kMinute);
    CHECK(service.answer() == kA);
    CHECK(service.to_free().empty());
    CHECK(service.refusal(kB, true) == FreeRefusal::kNotAsked);
}

TEST_CASE("freeing: a drain with --free, of idle ones, too, until it ends", "[sim][freeing]") {
    World w(false);
    REQUIRE(w.engine->drain(kB, kHour, "", false));
    CHECK(w.to_free().empty());
    REQUIRE(w.engine->drain(kB, kHour, "", true));
    CHECK(w.to_free() == "10.0.2.1:443 idle ");
    CHECK(w.refusal(kB) == FreeRefusal::kNone);
    w.lose(kB);
    CHECK(w.to_free() == "10.0.2.1:443 idle ");
    w.lose(kA);  // no other works: the drained one is answered
    CHECK(w.to_free().empty());
    CHECK(w.refusal(kB) == FreeRefusal::kAnswered);
    w.prober.clear();
    w.clock.advance(kMinute);
    CHECK(w.to_free() == "10.0.2.1:443 idle ");
    REQUIRE(w.engine->undrain(kB));
    CHECK(w.to_free().empty());
    CHECK(w.refusal(kB) == FreeRefusal::kAnswered);
}

TEST_CASE("freeing: the durable plan, read after a boot, allows none", "[sim][freeing]") {
    World w(true);
    w.lose(kB);
    CHECK(w.plans.back().links[0].targets.size() == 2);
    CHECK(without_verdicts(w.plans.back()).links[0].targets.empty());
    CHECK(membership_of(w.plans.back()) == membership_of(without_verdicts(w.plans.back())));
}
