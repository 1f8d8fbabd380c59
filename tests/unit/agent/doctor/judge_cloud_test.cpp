// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/agent/doctor/judge_fixture.h"

#include "tests/unit/catch.h"

namespace postern::agent::doctor {

TEST_CASE("doctor: addresses that the endpoint no longer has, and those not known yet", "[doctor]") {
    LinkConfig link;
    link.name = "prod";
    CloudSeen cloud;
    EndpointInfo info;
    info.report.status = "Active";
    info.report.business_status = "Normal";
    info.report.connection_status = "Connected";
    info.report.zones = {{"zone-a", "Connected", ip("10.0.1.23"), {}, ""},
                         {"zone-b", "Connected", ip("10.0.2.10"), {}, ""},
                         {"zone-c", "Wait", ip("10.0.3.1"), {}, ""}};
    cloud.endpoints.push_back({"prod", "ep-1", info, {}});
    CHECK(troubles(judge_drift(link, {good("10.0.1.23"), good("10.0.2.10")}, cloud)).empty());
    CHECK(troubles(judge_drift(link, {good("10.0.1.23"), good("10.0.2.9")}, cloud)) ==
          "FAIL PN-ADDRESS-STALE | WARN PN-ADDRESS-MISSING");
    link.zones = {"zone-a"};
    CHECK(troubles(judge_drift(link, {good("10.0.1.23")}, cloud)).empty());
    cloud.endpoints[0].info->report.connection_status = "Pending";  // then the list has no effect
    CHECK(troubles(judge_drift(link, {good("10.0.9.9")}, cloud)).empty());
}

TEST_CASE("doctor: credentials that only the agent has are not missed", "[doctor]") {
    CloudSeen cloud;
    cloud.credentials = core::fail(core::Code::kCredentialsMissing, "none", "");
    CHECK(troubles(judge_cloud(cloud)) == "FAIL PN-CREDENTIALS-NONE");
    CHECK(troubles(judge_cloud(cloud, true)).empty());
}

TEST_CASE("doctor: a region that is not known is no failure of the cloud", "[doctor]") {
    CloudSeen cloud;
    cloud.credentials = Credentials{};
    cloud.region = "cn-hangzuo";
    cloud.endpoints.push_back(
        {"prod", "ep-1", core::fail(core::Code::kConfigBadValue, "InvalidRegionId.NotFound"), {}});
    CHECK(troubles(judge_cloud(cloud)) == "FAIL PN-API-REGION");
}

}  // namespace postern::agent::doctor
