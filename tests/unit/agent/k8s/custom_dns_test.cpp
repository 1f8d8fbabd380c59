// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/custom_dns.h"

#include <nlohmann/json.hpp>

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::k8s;
using What = ObjectStep::What;
using Json = nlohmann::json;

namespace {

constexpr core::Micros kNow = 1767323045LL * core::kSecond;

HostsWish wish(const char* host, std::vector<const char*> addresses) {
    HostsWish out{host, {}};
    for (const char* ip : addresses)
        out.addresses.push_back(*core::IpAddress::parse(ip));
    return out;
}

JsonView view(const Json& json) {
    return *JsonView::parse(json.dump());
}

Json made(const ObjectStep& step, Json now = {}) {
    REQUIRE((step.what == What::kCreate || step.what == What::kChange));
    now.merge_patch(Json::parse(step.body));
    now["metadata"]["resourceVersion"] = "7";
    return now;
}

const Json kTheirs = Json::parse(R"({"metadata":{"name":"default","resourceVersion":"1"},"spec":{"zones":[
    {"name":".","forward":{"upstreams":["100.100.2.136"],"protocolStrategy":"tcp"},"hosts":[{"hostName":"a.test","ipAddress":"10.1.1.1"}]},
    {"name":"corp.test","forward":{"upstreams":["10.2.2.2:5353"]},"later":{"deep":[1,2,{"x":null}]}}]}})");

}  // namespace

TEST_CASE("custom dns: made where there is none, then nothing without a change", "[k8s]") {
    const auto plan =
        plan_custom_dns({wish("db.example.com", {"10.0.1.23", "10.0.2.9", "fd00::9"})}, std::nullopt, kNow);
    CHECK(plan.left.empty());
    const Json there = made(plan.step);
    CHECK(there["kind"] == "CustomDNSConfig");
    CHECK(there["spec"]["zones"] == Json::parse(R"([{"name":"db.example.com","hosts":[
        {"hostName":"db.example.com","ipAddress":"10.0.1.23"},{"hostName":"db.example.com","ipAddress":"10.0.2.9"}]}])"));
    CHECK(there["metadata"]["annotations"]["postern/hosts"] == "db.example.com");
    CHECK(plan_custom_dns({wish("db.example.com", {"10.0.1.23", "10.0.2.9"})}, view(there), kNow).step.what ==
          What::kNothing);
    CHECK(settles_in(view(there), kNow + 5 * core::kSecond) == 15 * core::kSecond);
    CHECK(settles_in(view(there), kNow + 20 * core::kSecond) == 0);
    CHECK(settles_in(view(there), kNow - core::kSecond) == 0);
    CHECK(settles_in(std::nullopt, kNow) == 0);
}

TEST_CASE("custom dns: zones of others stay as they are, to the letter", "[k8s]") {
    const auto wishes = std::vector{wish("db.example.com", {"10.0.1.23"}), wish("db-2.example.com", {"10.0.3.1"})};
    const auto plan = plan_custom_dns(wishes, view(kTheirs), kNow);
    Json there = made(plan.step, kTheirs);
    REQUIRE(there["spec"]["zones"].size() == 4);
    CHECK(there["spec"]["zones"][0] == kTheirs["spec"]["zones"][0]);
    CHECK(there["spec"]["zones"][1] == kTheirs["spec"]["zones"][1]);

    // A link that has gone keeps its zone until it is taken away.
    const auto fewer = plan_custom_dns({wishes[0]}, view(there), kNow);
    CHECK(fewer.step.what == What::kNothing);
    CHECK(fewer.stray == std::vector<std::string>{"db-2.example.com"});
    there = made(plan_custom_dns_undo({"db-2.example.com"}, view(there), kNow).step, there);
    CHECK(there["spec"]["zones"].size() == 3);
    there = made(plan_custom_dns_undo({}, view(there), kNow).step, there);
    CHECK(there["spec"] == kTheirs["spec"]);
    CHECK(there["metadata"]["annotations"].empty());
    CHECK(plan_custom_dns_undo({}, view(there), kNow).step.what == What::kNothing);
    CHECK(plan_custom_dns_undo({}, std::nullopt, kNow).step.what == What::kNothing);
}

TEST_CASE("custom dns: another's zone of our name is left, and said", "[k8s]") {
    Json there = kTheirs;
    there["spec"]["zones"].push_back({{"name", "DB.example.com."}, {"forward", {{"upstreams", {"10.9.9.9"}}}}});
    const auto plan = plan_custom_dns({wish("db.example.com", {"10.0.1.23"})}, view(there), kNow);
    CHECK(plan.step.what == What::kNothing);
    REQUIRE(plan.left.size() == 1);
    CHECK(plan.left[0].why.text() == "the zone db.example.com of the CustomDNSConfig is not postern's");
}

TEST_CASE("custom dns: a name without an IPv4 address keeps what it has", "[k8s]") {
    const Json there = made(plan_custom_dns({wish("db.example.com", {"10.0.1.23"})}, std::nullopt, kNow).step);
    const auto plan = plan_custom_dns({wish("db.example.com", {"fd00::9"})}, view(there), kNow);
    CHECK(plan.step.what == What::kNothing);
    CHECK(plan.left.size() == 1);
    CHECK(plan_custom_dns({wish("db.example.com", {"fd00::9"})}, std::nullopt, kNow).step.what == What::kNothing);
}

TEST_CASE("custom dns: the object that we made goes with its last zone", "[k8s]") {
    Json there = made(plan_custom_dns({wish("db.example.com", {"10.0.1.23"})}, std::nullopt, kNow).step);
    there["metadata"]["uid"] = "u";
    CHECK(plan_custom_dns_undo({}, view(there), kNow).step.what == What::kRemove);
}

TEST_CASE("custom dns: nonsense in the object is nobody's zone", "[k8s]") {
    for (
        const char* text :
        {R"({})", R"({"spec":null})", R"({"spec":{"zones":{}}})", R"({"spec":{"zones":[1,"x",null,[]]}})",
         R"({"metadata":{"annotations":{"postern/hosts":"db.example.com x"}},"spec":{"zones":[{"name":"db.example.com","hosts":"x"}]}})"}) {
        const auto there = *JsonView::parse(text);
        const auto plan = plan_custom_dns({wish("db.example.com", {"10.0.1.23"})}, there, kNow);
        CHECK(plan.step.what == What::kChange);
        CHECK(Json::parse(plan.step.body)["spec"]["zones"].size() >= there.at("spec").at("zones").items().size());
    }
}
