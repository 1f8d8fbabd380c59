// SPDX-License-Identifier: Apache-2.0
#include "agent/account/operation_reply.h"

#include "core/printable.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

JsonView json(const std::string& text) {
    auto parsed = JsonView::parse(text);
    REQUIRE(parsed);
    return *parsed;
}

}  // namespace

TEST_CASE("operation reply: a security group with numbers as strings, wrapped as ECS does", "[endpoint]") {
    const auto page = read_security_group_page(json(R"({"RequestId":"R","VpcId":"vpc-1","SecurityGroupId":"sg-1",
        "SecurityGroupName":"n","InnerAccessPolicy":"Accept","NextToken":"more","Permissions":{"Permission":[
        {"SecurityGroupRuleId":"sgr-1","Direction":"ingress","Policy":"accept","Priority":"7","IpProtocol":"TCP",
         "PortRange":"443/443","SourceCidrIp":"10.0.0.0/8","Ipv6SourceCidrIp":null},
        {"Direction":"egress","Policy":"Drop","Priority":100,"IpProtocol":"ALL","PortRange":"-1/-1"},
        {"Policy":"Reject","Priority":"high","SourcePrefixListId":"pl-1"}]}})"));
    REQUIRE(page);
    CHECK(page->next_token == "more");
    const SecurityGroup& group = page->items.front();
    CHECK(group.members_reach_each_other);
    CHECK(group.vpc == "vpc-1");
    REQUIRE(group.rules.size() == 3);
    CHECK(group.rules[0].priority == 7);
    CHECK(group.rules[0].policy == SecurityGroupRule::Policy::kAccept);
    CHECK(group.rules[0].cidr == "10.0.0.0/8");
    CHECK_FALSE(group.rules[1].ingress);
    CHECK(group.rules[1].policy == SecurityGroupRule::Policy::kDrop);
    CHECK(group.rules[2].policy == SecurityGroupRule::Policy::kOther);
    CHECK(group.rules[2].priority == 1);
}

TEST_CASE("operation reply: services with zones as strings, the count a string", "[endpoint]") {
    const auto page = read_services_page(json(R"({"RequestId":"R","NextToken":"","TotalCount":"1","Services":[
        {"ServiceId":"epsrv-1","ServiceName":"com.x","ServiceType":"Interface","AutoAcceptEnabled":"true","Zones":["z-1","z-2"]}]})"));
    REQUIRE(page);
    CHECK(page->items.front().zones == std::vector<std::string>{"z-1", "z-2"});
    CHECK(page->items.front().accepts_by_itself);
    CHECK(read_services_page(json(R"({"TotalCount":"0"})"))->items.empty());
}

TEST_CASE("operation reply: another shape is an error, never an empty list", "[endpoint]") {
    for (const char* odd : {"{}", R"({"Services":"x"})", R"({"Services":[1]})", R"({"Services":[{}]})", "[]", "null"}) {
        INFO(odd);
        CHECK_FALSE(read_services_page(json(odd)));
        CHECK_FALSE(read_endpoint_infos_page(json(odd)));
        CHECK_FALSE(read_attached_groups_page(json(odd)));
        CHECK_FALSE(read_security_group_page(json(odd)));
        CHECK_FALSE(read_prefix_list(json(odd)));
    }
    CHECK_FALSE(read_prefix_list(json(R"({"Entries":{"Entry":[{"Cidr":"nowhere"}]}})")));
    CHECK(read_prefix_list(json(R"({"Entries":{"Entry":[{"Cidr":"10.0.0.0/8"}]}})"))->front().text() == "10.0.0.0/8");
}

TEST_CASE("operation reply: an ID that people will copy has the form of one", "[endpoint]") {
    CHECK(read_endpoint_info(json(R"({"EndpointId":"ep-1a","EndpointStatus":"Creating"})")));
    for (const char* id : {"ep-", "ep-1;rm", "ep-1\\n", "sg-1", ""}) {
        INFO(id);
        const std::string body = std::string(R"({"EndpointStatus":"Creating","EndpointId":")") + id + "\"}";
        CHECK_FALSE(read_endpoint_info(json(body)));
    }
    CHECK_FALSE(read_id(json(R"({"SecurityGroupId":"sg-;x"})"), "SecurityGroupId", "sg-"));
}

TEST_CASE("operation reply: each row of the zones has its own interface, also where two have one zone", "[endpoint]") {
    const auto page = read_endpoint_zones_page(json(R"({"Zones":{"Zone":[
        {"ZoneId":"h","EniIp":"10.0.1.1","EniId":"eni-1","VSwitchId":"vsw-1"},
        {"ZoneId":"h","EniIp":"10.0.1.2","EniId":"eni-2","VSwitchId":"vsw-2","RegionId":"cn-hangzhou"}]}})"));
    REQUIRE(page);
    REQUIRE(page->items.size() == 2);
    CHECK(page->items[0].eni == "eni-1");
    CHECK(page->items[0].region.empty());
    CHECK(page->items[1].eni == "eni-2");
    CHECK(page->items[1].vswitch == "vsw-2");
    CHECK(page->items[1].region == "cn-hangzhou");
    CHECK(page->items[1].report.ipv4 == core::IpAddress::parse("10.0.1.2"));
}

TEST_CASE("operation reply: an endpoint's settings, and its tags where a list has them", "[endpoint]") {
    const auto page = read_endpoint_infos_page(json(R"({"RequestId":"R","Endpoints":[
        {"EndpointId":"ep-1","EndpointStatus":"Active","AddressIpVersion":"DualStack","ResourceGroupId":"rg-1",
         "ServiceRegionId":"cn-beijing","ZoneAffinityEnabled":"false","CrossRegionBandwidth":"200",
         "Tags":[{"Key":"env","Value":"prod"}]},
        {"EndpointId":"ep-2","EndpointStatus":"Active","Tags":{"Tag":[{"TagKey":"k","TagValue":""}]}}]})"));
    REQUIRE(page);
    const EndpointInfo& first = page->items.at(0);
    CHECK(first.ip_version == "DualStack");
    CHECK(first.resource_group == "rg-1");
    CHECK(first.service_region == "cn-beijing");
    CHECK(first.zone_affinity == false);
    CHECK(first.bandwidth == 200);
    REQUIRE(first.tags);
    CHECK(*first.tags == std::vector<std::pair<std::string, std::string>>{{"env", "prod"}});
    const EndpointInfo& second = page->items.at(1);
    CHECK_FALSE(second.zone_affinity);
    CHECK(second.ip_version.empty());
    REQUIRE(second.tags);
    CHECK(*second.tags == std::vector<std::pair<std::string, std::string>>{{"k", ""}});
    CHECK_FALSE(read_endpoint_info(json(R"({"EndpointId":"ep-1","EndpointStatus":"Active"})"))->tags);
}

TEST_CASE("operation reply: a long name in any script ends with a whole character", "[endpoint]") {
    for (std::size_t before = 0; before < 3; ++before) {
        std::string name(before, 'x');
        for (int i = 0; i < 200; ++i)
            name += "库";
        const auto info = read_endpoint_info(
            json(R"({"EndpointId":"ep-1","EndpointStatus":"Active","EndpointName":")" + name + "\"}"));
        REQUIRE(info);
        CHECK(info->name.size() > 290);
        CHECK(core::printable(info->name) == info->name);  // no half a character
    }
}
