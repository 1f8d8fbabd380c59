// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/cluster_change.h"

#include "tests/unit/agent/publish/memory_cluster.h"
#include "tests/unit/agent/publish/memory_zones.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::publish;
using k8s::Kind;
using Strings = std::vector<std::string>;

namespace {

core::IpAddress ip(const char* text) {
    return *core::IpAddress::parse(text);
}

const ClusterTask kServices{ClusterForm::kServices, "postern", false};
const ClusterTask kHosts{ClusterForm::kCustomDns, "postern", false};

ClusterName db(std::vector<core::IpAddress> answer = {ip("10.0.1.23"), ip("10.0.2.9")}) {
    return {"Db.prod",
            "db.example.com",
            443,
            {at("10.0.1.23", "cn-hangzhou-h"), at("10.0.2.9", "cn-hangzhou-i")},
            std::move(answer)};
}

std::vector<bool> ready(MemoryCluster& cluster, const char* slice) {
    std::vector<bool> out;
    for (const auto& endpoint : (*cluster.find(Kind::kEndpointSlice, slice))["endpoints"])
        out.push_back(endpoint["conditions"]["ready"].get<bool>());
    return out;
}

}  // namespace

TEST_CASE("cluster change: the slice first, then the service; then nothing without a change", "[publish]") {
    MemoryCluster cluster;
    const auto first = publish_names(cluster, kServices, {db()}, kNow);
    REQUIRE(first.error() == nullptr);
    CHECK(first.names.front().service == "db-prod");
    CHECK(cluster.taken() == Strings{"create endpointslice db-prod-ipv4", "create service db-prod"});
    const auto& slice = *cluster.find(Kind::kEndpointSlice, "db-prod-ipv4");
    CHECK(slice["metadata"]["labels"]["kubernetes.io/service-name"] == "db-prod");
    CHECK(slice["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "postern");
    CHECK(slice["endpoints"][1]["zone"] == "cn-hangzhou-i");
    CHECK(slice["endpoints"][1]["hints"]["forZones"][0]["name"] == "cn-hangzhou-i");
    CHECK(publish_names(cluster, kServices, {db()}, kNow).names.front().steps.empty());
    CHECK(cluster.taken().empty());
}

TEST_CASE("cluster change: a verdict is one write of one slice", "[publish]") {
    MemoryCluster cluster;
    (void)publish_names(cluster, kServices, {db()}, kNow);
    cluster.taken();
    (void)publish_names(cluster, kServices, {db({ip("10.0.2.9")})}, kNow);
    CHECK(cluster.taken() == Strings{"change endpointslice db-prod-ipv4"});
    CHECK(ready(cluster, "db-prod-ipv4") == std::vector<bool>{false, true});
    CHECK_FALSE(cluster.was_empty);
}

TEST_CASE("cluster change: names without known addresses keep what they have", "[publish]") {
    MemoryCluster cluster;
    (void)publish_names(cluster, kServices, {db()}, kNow);
    cluster.taken();
    ClusterName unknown = db();
    unknown.addresses.clear();
    unknown.answer.clear();
    CHECK(publish_names(cluster, kServices, {unknown}, kNow).error() == nullptr);
    CHECK(publish_names(cluster, kHosts, {unknown}, kNow).error() == nullptr);
    CHECK(cluster.taken().empty());
}

TEST_CASE("cluster change: another's write in between is read again, not undone", "[publish]") {
    MemoryCluster cluster;
    (void)publish_names(cluster, kServices, {db()}, kNow);
    int others = 1;
    cluster.before_write = [&] {
        if (others-- <= 0) return;
        auto slice = *cluster.find(Kind::kEndpointSlice, "db-prod-ipv4");
        slice["metadata"]["labels"]["team"] = "db";
        cluster.put(Kind::kEndpointSlice, slice);
    };
    const auto out = publish_names(cluster, kServices, {db({ip("10.0.2.9")})}, kNow);
    CHECK(out.error() == nullptr);
    CHECK((*cluster.find(Kind::kEndpointSlice, "db-prod-ipv4"))["metadata"]["labels"]["team"] == "db");
    CHECK(ready(cluster, "db-prod-ipv4") == std::vector<bool>{false, true});

    others = 100;
    cluster.reads = 0;
    const auto lost = publish_names(cluster, kServices, {db()}, kNow);
    REQUIRE(lost.error() != nullptr);
    CHECK(lost.error()->code == core::Code::kApiUnavailable);
    CHECK(cluster.reads < 20);
}

TEST_CASE("cluster change: what postern did not make stays, and is named", "[publish]") {
    MemoryCluster cluster;
    cluster.put(Kind::kService, {{"metadata", {{"name", "db-prod"}}}, {"spec", {{"clusterIP", "None"}}}});
    const auto before = cluster.objects;
    const auto out = publish_names(cluster, kServices, {db()}, kNow);
    CHECK(out.left());
    CHECK(out.names.front().left.text() == "there is a service db-prod that postern did not make");
    CHECK(cluster.objects == before);  // no slice gives it our addresses
    (void)undo_names(cluster, kServices, {db()}, true, kNow);
    CHECK(cluster.objects == before);
}

TEST_CASE("cluster change: two links of the same service are told apart", "[publish]") {
    MemoryCluster cluster;
    ClusterName other = db();
    other.link = "db_prod";
    const auto out = publish_names(cluster, kServices, {db(), other}, kNow);
    CHECK(out.names[0].left.empty());
    CHECK(out.names[1].left.text() == "its service would be db-prod, as that of the link Db.prod: rename one of them");
}

TEST_CASE("cluster change: addresses that the API server refuses are refused before", "[publish]") {
    MemoryCluster cluster;
    for (const char* bad : {"127.0.0.1", "169.254.1.1", "224.0.0.1", "::1", "fe80::1"}) {
        ClusterName name = db({ip(bad)});
        name.addresses = {at(bad)};
        const auto out = publish_names(cluster, kServices, {name}, kNow);
        REQUIRE(out.error() != nullptr);
        CHECK(out.error()->code == core::Code::kApiRejected);
    }
    CHECK(cluster.taken().empty());
}

TEST_CASE("cluster change: a family that has gone loses its slice last", "[publish]") {
    MemoryCluster cluster;
    ClusterName both = db();
    both.addresses.push_back(at("fd00::9", "cn-hangzhou-i"));
    both.answer.push_back(ip("fd00::9"));
    (void)publish_names(cluster, kServices, {both}, kNow);
    CHECK(cluster.taken() ==
          Strings{"create endpointslice db-prod-ipv4", "create service db-prod", "create endpointslice db-prod-ipv6"});
    ClusterName v6 = both;
    v6.addresses = {at("fd00::9", "cn-hangzhou-i")};
    (void)publish_names(cluster, kServices, {v6}, kNow);
    CHECK(cluster.taken() == Strings{"delete endpointslice db-prod-ipv4"});
}

TEST_CASE("cluster change: undo takes exactly what is postern's", "[publish]") {
    MemoryCluster cluster;
    cluster.put(Kind::kService,
                {{"metadata", {{"name", "web"}, {"labels", {{"app.kubernetes.io/managed-by", "Helm"}}}}}});
    const auto before = cluster.objects;
    ClusterName other = db();
    other.link = "second";
    (void)publish_names(cluster, kServices, {db(), other}, kNow);
    cluster.taken();
    CHECK(undo_names(cluster, {ClusterForm::kServices, "postern", true}, {}, true, kNow).names.front().steps.size() ==
          4);
    CHECK(cluster.taken().empty());  // that was a dry run
    (void)undo_names(cluster, kServices, {other}, false, kNow);
    CHECK(cluster.taken() == Strings{"delete service second", "delete endpointslice second-ipv4"});
    (void)undo_names(cluster, kServices, {}, true, kNow);
    CHECK(cluster.objects == before);
}

TEST_CASE("cluster change: ACK's object is written at most every 20 s", "[publish]") {
    MemoryCluster cluster;
    CHECK(publish_names(cluster, kHosts, {db()}, kNow).wait_us == 0);
    CHECK(cluster.taken() == Strings{"create customdnsconfig default"});
    const auto soon = publish_names(cluster, kHosts, {db({ip("10.0.2.9")})}, kNow + 5 * core::kSecond);
    CHECK(soon.wait_us == 15 * core::kSecond);
    CHECK(cluster.taken().empty());
    CHECK(publish_names(cluster, kHosts, {db({ip("10.0.2.9")})}, kNow + 20 * core::kSecond).wait_us == 0);
    CHECK(cluster.taken() == Strings{"change customdnsconfig default"});
    const auto& zones = (*cluster.find(Kind::kCustomDns, "default"))["spec"]["zones"];
    CHECK(zones.size() == 1);
    CHECK(zones[0]["hosts"][0]["ipAddress"] == "10.0.2.9");
    (void)undo_names(cluster, kHosts, {}, true, kNow + 60 * core::kSecond);
    CHECK(cluster.objects.empty());
}

TEST_CASE("cluster change: an error of the cluster is that of the name", "[publish]") {
    MemoryCluster cluster;
    cluster.broken = core::Error{core::Code::kConnectFailed, "refused", {}, 0};
    for (const auto& task : {kServices, kHosts}) {
        const auto out = publish_names(cluster, task, {db()}, kNow);
        REQUIRE(out.error() != nullptr);
        CHECK(out.error()->code == core::Code::kConnectFailed);
        CHECK(undo_names(cluster, task, {db()}, true, kNow).error() != nullptr);
    }
}
