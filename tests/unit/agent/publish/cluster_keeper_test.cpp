// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/cluster_keeper.h"

#include "tests/sim/fake_clock.h"
#include "tests/unit/agent/publish/memory_cluster.h"
#include "tests/unit/agent/publish/memory_zones.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::publish;
using core::kSecond;
using k8s::Kind;

namespace {

core::IpAddress ip(const char* text) {
    return *core::IpAddress::parse(text);
}

const std::vector<ClusterName> kBoth = {{"db",
                                         "db.example.com",
                                         443,
                                         {at("10.0.1.23", "zone-a"), at("10.0.2.9", "zone-b")},
                                         {ip("10.0.1.23"), ip("10.0.2.9")}}};
const std::vector<ClusterName> kOne = {
    {"db", "db.example.com", 443, {at("10.0.1.23", "zone-a"), at("10.0.2.9", "zone-b")}, {ip("10.0.2.9")}}};

struct World {
    MemoryCluster cluster;
    test::FakeClock clock;
    core::SeededRandom random{7};
    ClusterForm form = ClusterForm::kServices;

    ClusterKeeper keeper(const char* me) { return {cluster, clock, random, {form, "postern", false}, me}; }
    /// Lets the time pass; each keeper gets its turns.
    void pass(core::Micros us, std::vector<ClusterKeeper*> keepers) {
        const core::Micros end = clock.mono_us() + us;
        std::map<ClusterKeeper*, core::Micros> due;
        while (clock.mono_us() < end) {
            core::Micros next = end;
            for (auto* keeper : keepers) {
                if (clock.mono_us() >= due[keeper]) due[keeper] = keeper->turn();
                REQUIRE(due[keeper] > clock.mono_us());
                next = std::min(next, due[keeper]);
            }
            clock.advance(next - clock.mono_us());
        }
    }
    std::vector<std::string> writes() {
        auto all = cluster.taken();
        std::erase_if(all, [](const auto& write) { return write.find("lease") != std::string::npos; });
        return all;
    }
    std::string holder() { return (*cluster.find(Kind::kLease, lease_name(form)))["spec"]["holderIdentity"]; }
};

}  // namespace

TEST_CASE("cluster keeper: of two publishers one writes; the other takes over when it is silent", "[publish]") {
    World w;
    auto a = w.keeper("a"), b = w.keeper("b");
    a.want(kBoth);
    b.want(kBoth);
    w.pass(60 * kSecond, {&a, &b});
    CHECK(w.holder() == "a");
    CHECK(a.leads());
    CHECK_FALSE(b.leads());
    CHECK(w.writes().size() == 2);
    // The second sees another verdict, and writes nothing.
    b.want(kOne);
    w.pass(60 * kSecond, {&a, &b});
    CHECK(w.writes().empty());
    // The first is killed.
    w.pass(21 * kSecond, {&b});
    CHECK(w.holder() == "b");
    CHECK(w.writes().size() == 1);
    // It comes back, from a long stop: it has the Lease no more.
    CHECK_FALSE(a.leads());
    w.pass(30 * kSecond, {&a, &b});
    CHECK(w.holder() == "b");
    CHECK(w.writes().empty());
}

TEST_CASE("cluster keeper: a holder whose clock is wrong keeps the lease while it renews it", "[publish]") {
    World w;
    auto b = w.keeper("b");
    b.want(kBoth);
    w.cluster.put(Kind::kLease, {{"metadata", {{"name", "postern-publisher"}}},
                                 {"spec", {{"holderIdentity", "a"}, {"renewTime", "2001-01-01T00:00:00.000000Z"}}}});
    for (int i = 0; i < 20; ++i) {
        auto lease = *w.cluster.find(Kind::kLease, "postern-publisher");
        lease["spec"]["renewTime"] = "2001-01-01T00:00:" + std::to_string(10 + i) + ".000000Z";
        w.cluster.put(Kind::kLease, lease);
        w.pass(5 * kSecond, {&b});
    }
    CHECK(w.holder() == "a");
    CHECK(w.writes().empty());
    w.pass(21 * kSecond, {&b});
    CHECK(w.holder() == "b");
}

TEST_CASE("cluster keeper: given back at an end, the next one need not wait", "[publish]") {
    World w;
    auto a = w.keeper("a"), b = w.keeper("b");
    w.pass(20 * kSecond, {&a, &b});
    a.end();
    CHECK(w.holder().empty());
    w.pass(6 * kSecond, {&b});
    CHECK(w.holder() == "b");
    b.end();
    auto c = w.keeper("c");
    CHECK(*c.claim() == ClusterKeeper::Claim::kTaken);
}

TEST_CASE("cluster keeper: a change is written at once, a foreign one is undone, else nothing", "[publish]") {
    World w;
    auto a = w.keeper("a");
    a.want(kBoth);
    w.pass(kSecond, {&a});
    CHECK(w.writes().size() == 2);
    a.want(kOne);
    w.pass(kSecond / 2, {&a});
    CHECK(w.writes() == std::vector<std::string>{"change endpointslice db-ipv4"});
    w.cluster.objects.erase({Kind::kService, "db"});
    w.pass(kLookAgain, {&a});
    CHECK(w.writes() == std::vector<std::string>{"create service db"});
    w.pass(3600 * kSecond, {&a});
    CHECK(w.writes().empty());
    CHECK_FALSE(w.cluster.was_empty);
}

TEST_CASE("cluster keeper: an API server that is away is asked with growing pauses, and loses nothing", "[publish]") {
    World w;
    auto a = w.keeper("a");
    a.want(kBoth);
    w.pass(10 * kSecond, {&a});
    w.writes();
    w.cluster.broken = core::Error{core::Code::kConnectFailed, "refused", {}, 0};
    const auto before = w.cluster.objects;
    a.want(kOne);
    w.cluster.reads = 0;
    w.pass(3600 * kSecond, {&a});
    CHECK(w.cluster.reads < 3600 / 5);
    CHECK(w.cluster.reads > 3600 / 40);
    CHECK(w.cluster.objects == before);
    CHECK_FALSE(a.leads());
    w.cluster.broken.reset();
    w.pass(20 * kSecond, {&a});
    CHECK(w.writes() == std::vector<std::string>{"change endpointslice db-ipv4"});
    // Told to wait.
    w.cluster.broken = core::Error{core::Code::kApiThrottled, "slow down", {}, 0};
    w.cluster.wait = 60 * kSecond;
    w.cluster.reads = 0;
    w.pass(60 * kSecond, {&a});
    CHECK(w.cluster.reads <= 3);
}

TEST_CASE("cluster keeper: ACK's object changes at most every 20 s, to the last state", "[publish]") {
    World w;
    w.form = ClusterForm::kCustomDns;
    auto a = w.keeper("a");
    for (int i = 0; i < 61; ++i) {
        a.want(i % 2 == 0 ? kBoth : kOne);
        w.pass(kSecond, {&a});
    }
    CHECK(w.writes().size() <= 4);
    w.pass(25 * kSecond, {&a});
    CHECK((*w.cluster.find(Kind::kCustomDns, "default"))["spec"]["zones"][0]["hosts"].size() == 2);
}

TEST_CASE("cluster keeper: a single run waits until it knows whether another one lives", "[publish]") {
    World w;
    auto a = w.keeper("a"), once = w.keeper("once");
    w.pass(7 * kSecond, {&a});
    CHECK(*once.claim() == ClusterKeeper::Claim::kUnknownYet);
    w.pass(5 * kSecond, {&a});
    CHECK(*once.claim() == ClusterKeeper::Claim::kOther);
    auto later = w.keeper("later");
    CHECK(*later.claim() == ClusterKeeper::Claim::kUnknownYet);
    w.clock.advance(16 * kSecond);
    CHECK(*later.claim() == ClusterKeeper::Claim::kTaken);
}
