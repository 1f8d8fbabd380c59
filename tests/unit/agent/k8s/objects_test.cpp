// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/objects.h"

#include <nlohmann/json.hpp>

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::k8s;
using What = ObjectStep::What;
using Json = nlohmann::json;

namespace {

ServiceAddress at(const char* ip, const char* zone, bool ready = true) {
    return {*core::IpAddress::parse(ip), zone, ready};
}

ServiceWish wish() {
    return {"db", "postern", "db", "db.example.com", 443, {at("10.0.1.23", "zone-a"), at("10.0.2.9", "", false)}};
}

JsonView view(const Json& json) {
    return *JsonView::parse(json.dump());
}

/// The object as the server has it after the step.
Json made(const ObjectStep& step, Json now = {}) {
    REQUIRE((step.what == What::kCreate || step.what == What::kChange));
    now.merge_patch(Json::parse(step.body));
    now["metadata"]["resourceVersion"] = "7";
    now["metadata"]["uid"] = "u";
    return now;
}

}  // namespace

TEST_CASE("objects: a link's name as a service", "[k8s]") {
    CHECK(service_name("tdengine-prod") == "tdengine-prod");
    CHECK(service_name("Db.Prod_2") == "db-prod-2");
    CHECK(service_name("2db") == "link-2db");
    CHECK(service_name("_x_") == "link--x");
    CHECK(service_name("") == "link");
    CHECK(service_name(std::string(80, 'a')).size() == 63);
    CHECK(service_name(std::string(62, 'a') + "--b") == std::string(62, 'a'));
}

TEST_CASE("objects: a headless service without selector", "[k8s]") {
    const auto step = service_step(wish(), std::nullopt);
    CHECK(Json::parse(step.body) == Json::parse(R"({"apiVersion":"v1","kind":"Service",
        "metadata":{"name":"db","namespace":"postern",
          "labels":{"app.kubernetes.io/managed-by":"postern","app.kubernetes.io/component":"publisher"},
          "annotations":{"postern/link":"db","postern/host":"db.example.com"}},
        "spec":{"clusterIP":"None","type":"ClusterIP","publishNotReadyAddresses":false,
          "ports":[{"name":"https","port":443,"protocol":"TCP","targetPort":443}]}})"));
    Json there = made(step);
    there["spec"]["ipFamilies"] = {"IPv4"};  // what the server adds
    there["spec"]["clusterIPs"] = {"None"};
    CHECK(service_step(wish(), view(there)).what == What::kNothing);

    there["spec"]["selector"] = {{"app", "x"}};  // somebody's
    const auto mended = service_step(wish(), view(there));
    CHECK(mended.what == What::kChange);
    CHECK(Json::parse(mended.body)["metadata"]["resourceVersion"] == "7");
    there = made(mended, there);
    CHECK_FALSE(there["spec"].contains("selector"));
    CHECK(there["spec"]["ipFamilies"] == Json{"IPv4"});

    there["spec"]["clusterIP"] = "10.96.0.9";
    CHECK(service_step(wish(), view(there)).what == What::kForeign);
}

TEST_CASE("objects: an endpointslice with zones, hints and verdicts", "[k8s]") {
    const auto step = slice_step(wish(), false, std::nullopt);
    CHECK(Json::parse(step.body) == Json::parse(R"({"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice",
        "metadata":{"name":"db-ipv4","namespace":"postern",
          "labels":{"app.kubernetes.io/managed-by":"postern","app.kubernetes.io/component":"publisher",
                    "endpointslice.kubernetes.io/managed-by":"postern","kubernetes.io/service-name":"db"},
          "annotations":{"postern/link":"db","postern/host":"db.example.com"}},
        "addressType":"IPv4","ports":[{"name":"https","port":443,"protocol":"TCP"}],
        "endpoints":[{"addresses":["10.0.1.23"],"conditions":{"ready":true},"zone":"zone-a","hints":{"forZones":[{"name":"zone-a"}]}},
                     {"addresses":["10.0.2.9"],"conditions":{"ready":false}}]})"));
    CHECK(step.told == "create endpointslice db-ipv4: 10.0.1.23 in zone-a, 10.0.2.9 (not ready)");
    const Json there = made(step);
    CHECK(slice_step(wish(), false, view(there)).what == What::kNothing);
    CHECK(slice_step(wish(), true, std::nullopt).what == What::kNothing);

    // Each of these is a difference.
    std::vector<Json> others(8, there);
    others[0]["endpoints"][0]["zone"] = "zone-b";
    others[1]["endpoints"][1]["conditions"]["ready"] = true;
    others[2]["endpoints"].erase(1);
    others[3]["endpoints"][0]["addresses"] = {"10.0.1.24"};
    others[4]["metadata"]["labels"].erase("kubernetes.io/service-name");
    others[5]["ports"][0]["port"] = 80;
    others[6]["endpoints"][1]["zone"] = "zone-b";
    others[7]["endpoints"] = nullptr;
    for (const auto& other : others) {
        const auto change = slice_step(wish(), false, view(other));
        CHECK(change.what == What::kChange);
        CHECK(slice_step(wish(), false, view(made(change, other))).what == What::kNothing);
    }
    Json v6 = there;
    v6["addressType"] = "IPv6";
    CHECK(slice_step(wish(), false, view(v6)).what == What::kForeign);
    Json foreign = there;
    foreign["metadata"]["labels"].erase("app.kubernetes.io/managed-by");
    CHECK(slice_step(wish(), false, view(foreign)).what == What::kForeign);
    CHECK(removal_step({Kind::kEndpointSlice, "db-ipv4"}, view(foreign)).what == What::kNothing);
}

TEST_CASE("objects: a verdict leaves no family without a ready address", "[k8s]") {
    ServiceWish both = wish();
    both.addresses = {at("10.0.1.23", "", true), at("fd00::9", "", false)};
    const auto step = slice_step(both, true, std::nullopt);
    CHECK(Json::parse(step.body)["endpoints"][0]["conditions"]["ready"] == true);
}

TEST_CASE("objects: what the API server would refuse", "[k8s]") {
    ServiceWish none = wish();
    for (auto& a : none.addresses)
        a.ready = false;
    CHECK_FALSE(check(none));
    ServiceWish many = wish();
    many.addresses.clear();
    for (std::uint32_t i = 0; i <= kMaxSliceAddresses; ++i)
        many.addresses.push_back({core::IpAddress::v4(0x0a000000 + i), "", true});
    CHECK(check(many).error().code == core::Code::kTooLarge);
    for (const char* bad : {"127.0.0.1", "169.254.1.1", "224.0.0.1", "0.0.0.0", "::1", "fe80::1", "ff02::1"}) {
        ServiceWish one = wish();
        one.addresses = {at(bad, "")};
        CHECK(check(one).error().code == core::Code::kApiRejected);
    }
    CHECK(check(wish()));
}
