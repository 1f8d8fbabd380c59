// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/pvtz_reply.h"

#include "tests/unit/catch.h"

using namespace postern::agent;
using namespace postern::agent::publish;

namespace {

JsonView json(const std::string& text) {
    return JsonView::parse(text).value();
}

}  // namespace

TEST_CASE("pvtz reply: zones, in both forms of a list", "[publish]") {
    const std::string zone =
        R"({"ZoneId":"6fc1","ZoneName":"DB.example.com.","Remark":"managed by postern","DnsGroup":"FAST_ZONE"})";
    for (const std::string& list : {R"({"Zone":[)" + zone + "]}", "[" + zone + "]"}) {
        const auto page = read_zones(json(R"({"Zones":)" + list + R"(,"TotalPages":2})"), 1);
        REQUIRE(page);
        REQUIRE(page->items.size() == 1);
        CHECK(page->items[0].id == "6fc1");
        CHECK(page->items[0].name == "db.example.com");
        CHECK(page->items[0].ours());
        CHECK(page->items[0].fast);
        CHECK_FALSE(page->last);
    }
    CHECK(read_zones(json(R"({"Zones":{"Zone":[)" + zone + R"(]},"TotalPages":"2"})"), 2)->last);
    CHECK(read_zones(json(R"({"Zones":{"Zone":[]},"TotalPages":9})"), 1)->last);  // pages that never end
    CHECK(read_zones(json(R"({"Zones":null,"TotalItems":0})"), 1)->items.empty());
}

TEST_CASE("pvtz reply: what is no list is an error, not none", "[publish]") {
    for (const char* text :
         {R"({})", R"({"Zones":{}})", R"({"Zones":"x","TotalItems":0})", R"({"Zones":null})",
          R"({"Zones":{"Zone":[{"ZoneName":"x"}]}})", R"({"Zones":{"Zone":[{"ZoneId":"a b"}]}})", R"([])"}) {
        INFO(text);
        CHECK_FALSE(read_zones(json(text), 1));
    }
    for (const char* text :
         {R"({})", R"({"Records":{}})", R"({"Records":{"Record":[{"Rr":"@","Type":"A"}]}})",
          R"({"Records":{"Record":[{"RecordId":1,"Type":"A"}]}})", R"({"Records":{"Record":[1]}})"}) {
        INFO(text);
        CHECK_FALSE(read_zone_records(json(text), 1));
    }
}

TEST_CASE("pvtz reply: bound VPCs; what is not understood never becomes none", "[publish]") {
    const auto zone = read_zone_info(json(R"({"ZoneId":"z","ZoneName":"db.example.com","DnsGroup":"NORMAL_ZONE",
        "BindVpcs":{"Vpc":[{"VpcId":"vpc-1","RegionId":"cn-hangzhou","VpcType":"STANDARD"},{"VpcId":"vpc-2","RegionId":"cn-beijing"}]}})"));
    REQUIRE(zone);
    CHECK_FALSE(zone->fast);
    CHECK(zone->vpcs == std::vector<BoundVpc>{{"cn-hangzhou", "vpc-1", "STANDARD"}, {"cn-beijing", "vpc-2", ""}});
    CHECK(read_zone_info(json(R"({"ZoneId":"z","ZoneName":"n","BindVpcs":{"Vpc":[]}})"))->vpcs.empty());
    for (const char* text : {R"({"ZoneId":"z","ZoneName":"n","BindVpcs":{"Vpc":"vpc-1"}})",
                             R"({"ZoneId":"z","ZoneName":"n","BindVpcs":"x"})",
                             R"({"ZoneId":"z","ZoneName":"n","BindVpcs":{"Vpc":[{"VpcId":"vpc-1"}]}})",
                             R"({"ZoneId":"z","ZoneName":"n","BindVpcs":{"Vpc":["vpc-1"]}})", R"({"ZoneName":"n"})",
                             R"({"ZoneId":"z"})"}) {
        INFO(text);
        CHECK_FALSE(read_zone_info(json(text)));
    }
}

TEST_CASE("pvtz reply: records, with numbers beyond a double's and as text", "[publish]") {
    const auto page = read_zone_records(json(R"({"TotalPages":1,"Records":{"Record":[
        {"RecordId":9007199254740993,"Rr":"@","Type":"A","Value":"10.0.1.23","Ttl":30,"Line":"aliyun_r_cn-hangzhou-h","Status":"ENABLE","Remark":"managed by postern"},
        {"RecordId":"9007199254740995","Rr":"@","Type":"AAAA","Value":"FD00:0:0::9","Ttl":"5","Status":"DISABLE"}]}})"),
                                        1);
    REQUIRE(page);
    REQUIRE(page->items.size() == 2);
    CHECK(page->items[0].id == "9007199254740993");
    CHECK(page->items[0].line == "aliyun_r_cn-hangzhou-h");
    CHECK(page->items[0].enabled);
    CHECK(page->items[0].remark == kMark);
    CHECK(page->items[1].id == "9007199254740995");
    CHECK(page->items[1].value == "fd00::9");
    CHECK(page->items[1].ttl_s == 5);
    CHECK(page->items[1].line == "default");
    CHECK_FALSE(page->items[1].enabled);
    CHECK(page->last);
}

TEST_CASE("pvtz reply: the ID of a new zone", "[publish]") {
    CHECK(*read_zone_id(json(R"({"ZoneId":"6fc1"})")) == "6fc1");
    CHECK_FALSE(read_zone_id(json(R"({"Success":true})")));
}
