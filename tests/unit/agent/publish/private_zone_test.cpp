// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/private_zone.h"

#include "tests/unit/catch.h"

using namespace postern::agent::publish;

TEST_CASE("private zone: ours first, then one that our VPC uses, then one that nobody uses; never another VPC's",
          "[publish]") {
    const BoundVpc mine{"cn-hangzhou", "vpc-1", ""}, other{"cn-hangzhou", "vpc-2", ""};
    const PrivateZone ours{.id = "d", .remark = std::string(kMark)}, used{.id = "c", .vpcs = {mine}}, unused{.id = "b"},
        of_others{.id = "a", .vpcs = {other}};
    CHECK(choose_zone({of_others, unused, used, ours}, {mine})->id == "d");
    CHECK(choose_zone({of_others, unused, used}, {mine})->id == "c");
    CHECK(choose_zone({of_others, unused}, {mine})->id == "b");
    CHECK(choose_zone({of_others}, {mine}) == nullptr);
    CHECK(choose_zone({}, {mine}) == nullptr);
    // Ours, but made by a second publisher at the same time: the one in use, else the same for all.
    PrivateZone twin = ours;
    twin.id = "e";
    CHECK(choose_zone({twin, ours}, {mine})->id == "d");
    twin.vpcs = {mine};
    CHECK(choose_zone({ours, twin}, {mine})->id == "e");
}

TEST_CASE("private zone: a remark that only resembles postern's is not postern's", "[publish]") {
    for (const char* remark : {"", "Managed by postern", "managed by postern ", "postern", "not managed by postern"})
        CHECK_FALSE(PrivateZone{.remark = remark}.ours());
    CHECK(PrivateZone{.remark = "managed by postern"}.ours());
}

TEST_CASE("private zone: a record for people", "[publish]") {
    CHECK(describe(ZoneRecord{.rr = "@", .type = "A", .value = "10.0.1.23", .ttl_s = 30}) == "A 10.0.1.23, TTL 30");
    CHECK(describe(
              ZoneRecord{.rr = "@", .type = "A", .value = "10.0.1.23", .line = "aliyun_r_cn-hangzhou-h", .ttl_s = 5}) ==
          "A 10.0.1.23 for aliyun_r_cn-hangzhou-h, TTL 5");
}
