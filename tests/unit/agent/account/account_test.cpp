// SPDX-License-Identifier: Apache-2.0
#include "agent/account/account.h"

#include "tests/unit/agent/account/cloud_fixture.h"

using namespace postern;
using namespace postern::agent;
using core::Code;
using test::Parameters;

namespace {

struct Bench : test::FakeCloud {
    EndpointCloud account{*session};

    void reply(const std::string& action, const std::string& body) {
        actions[action] = [body](const Parameters&) { return body; };
    }
    Parameters last(const std::string& action) const {
        const auto all = asked(action);
        REQUIRE_FALSE(all.empty());
        return all.back();
    }
};

constexpr const char* kEndpoint =
    R"({"RequestId":"R","EndpointId":"ep-1","EndpointStatus":"Active","EndpointBusinessStatus":"Normal","ConnectionStatus":"Connected"})";

std::string group(const std::string& id, const std::string& rules, const std::string& more = "") {
    return R"({"RequestId":"R","SecurityGroupId":")" + id + R"(",)" + more + R"("Permissions":{"Permission":[)" +
           rules + "]}}";
}

}  // namespace

TEST_CASE("account: an endpoint is its own state and its zones", "[account]") {
    Bench b;
    b.reply("GetVpcEndpointAttribute", kEndpoint);
    b.reply("ListVpcEndpointZones",
            R"({"RequestId":"R","Zones":[{"ZoneId":"h","ZoneStatus":"Connected","EniIp":"10.0.0.1"}]})");
    const auto one = b.account.describe("ep-1");
    REQUIRE(one);
    CHECK(one->report.zones.size() == 1);
    CHECK(b.last("ListVpcEndpointZones").at("EndpointId") == "ep-1");
    const auto other = b.account.describe("ep-2");
    REQUIRE_FALSE(other);
    CHECK(other.error().what.find("another endpoint") != std::string::npos);
    CHECK(b.asked("ListVpcEndpointZones").size() == 1);
    b.reply("ListVpcEndpointZones", R"({"RequestId":"R","Zones":7})");
    CHECK(b.account.describe("ep-1").error().code == Code::kApiBadReply);
}

TEST_CASE("account: filters are sent where they are given", "[account]") {
    Bench b;
    b.reply("ListVpcEndpoints", R"({"RequestId":"R","Endpoints":[]})");
    b.reply("ListVpcEndpointServicesByEndUser", R"({"RequestId":"R","Services":[]})");
    CHECK(b.account.endpoints("", "")->empty());
    CHECK(b.last("ListVpcEndpoints").count("VpcId") == 0);
    CHECK(b.last("ListVpcEndpoints").count("ServiceName") == 0);
    CHECK(b.account.endpoints("vpc-1", "com.x"));
    CHECK(b.last("ListVpcEndpoints").at("VpcId") == "vpc-1");
    CHECK(b.last("ListVpcEndpoints").at("ServiceName") == "com.x");
    CHECK(b.account.services("")->empty());
    CHECK(b.last("ListVpcEndpointServicesByEndUser").count("ServiceRegionId") == 0);
    CHECK(b.account.services("cn-beijing"));
    CHECK(b.last("ListVpcEndpointServicesByEndUser").at("ServiceRegionId") == "cn-beijing");
}

TEST_CASE("account: a security group has the rules of all its pages, and is the one that was asked for", "[account]") {
    Bench b;
    b.actions["DescribeSecurityGroupAttribute"] = [](const Parameters& p) {
        return p.count("NextToken") == 0 ? group("sg-1", R"({"Priority":1})", R"("NextToken":"x",)")
                                         : group("sg-1", R"({"Priority":2},{"Priority":3})");
    };
    const auto whole = b.account.security_group("sg-1");
    REQUIRE(whole);
    REQUIRE(whole->rules.size() == 3);
    CHECK(whole->rules[2].priority == 3);
    CHECK(b.account.security_group("sg-2").error().code == Code::kApiBadReply);
}

TEST_CASE("account: prefix lists are asked for once each, twenty at most, and may be unreadable", "[account]") {
    Bench b;
    b.actions["DescribePrefixListAttributes"] = [](const Parameters& p) -> std::string {
        if (p.at("PrefixListId") == "pl-0") return R"({"Entries":"none"})";
        return R"({"RequestId":"R","Entries":{"Entry":[{"Cidr":"10.0.0.0/8"}]}})";
    };
    SecurityGroup many;
    for (int i = 0; i < 60; ++i)
        many.rules.emplace_back().prefix_list = i % 3 == 0 ? "" : "pl-" + std::to_string(i / 2);
    const auto lists = b.account.prefix_lists({many, many});
    CHECK(b.asked("DescribePrefixListAttributes").size() == 20);
    CHECK(lists.size() == 19);
    CHECK(lists.count("pl-0") == 0);
    CHECK(lists.at("pl-1").front().text() == "10.0.0.0/8");
}

TEST_CASE("account: our own group is the one with our name", "[account]") {
    Bench b;
    b.reply(
        "DescribeSecurityGroups",
        R"({"RequestId":"R","SecurityGroups":{"SecurityGroup":[{"SecurityGroupId":"sg-1","SecurityGroupName":"other"}]}})");
    const auto none = b.account.own_group("vpc-1");
    REQUIRE(none);
    CHECK_FALSE(*none);
    b.reply(
        "DescribeSecurityGroups",
        R"({"RequestId":"R","SecurityGroups":{"SecurityGroup":[{"SecurityGroupId":"sg-1","SecurityGroupName":"other"},
               {"SecurityGroupId":"sg-2","SecurityGroupName":")" +
            std::string(kOwnGroupName) + R"("}]}})");
    b.reply("DescribeSecurityGroupAttribute", group("sg-2", "{}"));
    const auto own = b.account.own_group("vpc-1");
    REQUIRE(own);
    REQUIRE(*own);
    CHECK((*own)->id == "sg-2");
    CHECK(b.last("DescribeSecurityGroups").at("VpcId") == "vpc-1");
}

TEST_CASE("account: whose key it is, by the token service, else by the instance, else nobody says", "[account]") {
    Bench b;
    b.reply("GetCallerIdentity", R"({"RequestId":"R","AccountId":"1234567890123456"})");
    CHECK(b.account.account() == "1234567890123456");
    b.metadata["owner-account-id"] = "99";
    for (const char* odd : {R"({"AccountId":""})", R"({"AccountId":"12x"})", R"({"AccountId":"-12"})", R"({})",
                            R"({"AccountId":"123456789012345678901234567890123"})", R"({"AccountId":["1"]})"}) {
        INFO(odd);
        b.reply("GetCallerIdentity", odd);
        CHECK(b.account.account() == "99");
    }
    b.metadata.clear();
    CHECK(b.account.account().empty());
}

TEST_CASE("account: a write is one write, and a dry run does not use its token up", "[account]") {
    Bench b;
    Creation plan;
    plan.vpc = "vpc-1";
    plan.name = "n";
    plan.zones = {{"h", "vsw-1", {}, {}}};
    plan.service.id = "epsrv-1";
    b.reply("CreateVpcEndpoint", kEndpoint);
    const auto made = b.account.create(plan, "sg-1", "token-1", false);
    REQUIRE(made);
    REQUIRE(*made);
    CHECK((*made)->report.endpoint_id == "ep-1");
    Parameters sent = b.last("CreateVpcEndpoint");
    CHECK(sent.at("ClientToken") == "token-1");
    CHECK(sent.count("DryRun") == 0);
    CHECK(sent.at("SecurityGroupId.1") == "sg-1");
    CHECK(sent.at("ServiceId") == "epsrv-1");
    CHECK(sent.count("ServiceName") == 0);
    CHECK(sent.count("ServiceRegionId") == 0);
    CHECK(sent.at("AddressIpVersion") == "IPv4");
    CHECK(sent.at("ZoneAffinityEnabled") == "false");
    for (const char* unasked :
         {"ResourceGroupId", "CrossRegionBandwidth", "Tag.1.Key", "Zone.1.ip", "Zone.1.Ipv6Address"})
        CHECK(sent.count(unasked) == 0);
    b.actions["CreateVpcEndpoint"] = [](const Parameters&) {
        const std::string body = R"({"Code":"DryRunOperation","Message":"fine","RequestId":"R"})";
        return "HTTP/1.1 400 X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    const auto dry = b.account.create(plan, "", "token-1", true);
    REQUIRE(dry);
    CHECK_FALSE(*dry);
    sent = b.last("CreateVpcEndpoint");
    CHECK(sent.at("DryRun") == "true");
    CHECK(sent.count("ClientToken") == 0);
    CHECK(sent.count("SecurityGroupId.1") == 0);
    b.reply("CreateVpcEndpoint", R"({"RequestId":"R"})");
    CHECK(b.account.create(plan, "", "token-1", false).error().code == Code::kApiBadReply);
    b.reply("DeleteVpcEndpoint", R"({"RequestId":"R"})");
    CHECK(b.account.remove("ep-1", "token-2", false));
    CHECK(b.last("DeleteVpcEndpoint").at("ClientToken") == "token-2");
    CHECK(b.account.remove("ep-1", "token-2", true));
    CHECK(b.last("DeleteVpcEndpoint").at("DryRun") == "true");
}

TEST_CASE("account: a new group has an ID that can be copied, and its rule the family of its source", "[account]") {
    Bench b;
    b.reply("CreateSecurityGroup", R"({"RequestId":"R","SecurityGroupId":"sg-1"})");
    CHECK(b.account.create_group("vpc-1", "t") == "sg-1");
    for (const char* odd : {R"({})", R"({"SecurityGroupId":"sg-1; rm"})", R"({"SecurityGroupId":7})"}) {
        b.reply("CreateSecurityGroup", odd);
        CHECK(b.account.create_group("vpc-1", "t").error().code == Code::kApiBadReply);
    }
    b.reply("AuthorizeSecurityGroup", R"({"RequestId":"R"})");
    CHECK(b.account.open_port("sg-1", *core::IpPrefix::parse("10.0.0.0/8")));
    CHECK(b.last("AuthorizeSecurityGroup").at("Permissions.1.SourceCidrIp") == "10.0.0.0/8");
    CHECK(b.last("AuthorizeSecurityGroup").at("Permissions.1.PortRange") == "443/443");
    CHECK(b.account.open_port("sg-1", *core::IpPrefix::parse("fd00::/8")));
    CHECK(b.last("AuthorizeSecurityGroup").at("Permissions.1.Ipv6SourceCidrIp") == "fd00::/8");
    CHECK(b.last("AuthorizeSecurityGroup").count("Permissions.1.SourceCidrIp") == 0);
}

TEST_CASE("account: a create has the names of the official models", "[account]") {
    Bench b;
    b.reply("CreateVpcEndpoint", kEndpoint);
    Creation plan;
    plan.vpc = "vpc-1";
    plan.name = "n";
    plan.zones = {{"h", "vsw-1", core::IpAddress::parse("10.0.0.9"), {}},
                  {"i", "vsw-2", {}, core::IpAddress::parse("2408::9")}};
    plan.service.name = "com.x";
    plan.service_region = "cn-beijing";
    plan.resource_group = "rg-1";
    plan.tags = {{"env", "prod"}, {"bare", ""}};
    plan.dual_stack = plan.zone_affinity = true;
    plan.bandwidth = 200;
    REQUIRE(b.account.create(plan, "sg-1", "t", false));
    const Parameters sent = b.last("CreateVpcEndpoint");
    const std::map<std::string, std::string> expected{{"Zone.1.ZoneId", "h"},
                                                      {"Zone.1.VSwitchId", "vsw-1"},
                                                      {"Zone.1.ip", "10.0.0.9"},
                                                      {"Zone.2.ZoneId", "i"},
                                                      {"Zone.2.VSwitchId", "vsw-2"},
                                                      {"Zone.2.Ipv6Address", "2408::9"},
                                                      {"Tag.1.Key", "env"},
                                                      {"Tag.1.Value", "prod"},
                                                      {"Tag.2.Key", "bare"},
                                                      {"Tag.2.Value", ""},
                                                      {"ResourceGroupId", "rg-1"},
                                                      {"AddressIpVersion", "DualStack"},
                                                      {"ZoneAffinityEnabled", "true"},
                                                      {"ServiceRegionId", "cn-beijing"},
                                                      {"CrossRegionBandwidth", "200"},
                                                      {"ServiceName", "com.x"},
                                                      {"VpcId", "vpc-1"},
                                                      {"EndpointName", "n"},
                                                      {"ClientToken", "t"},
                                                      {"SecurityGroupId.1", "sg-1"},
                                                      {"EndpointType", "Interface"},
                                                      {"RegionId", "cn-hangzhou"}};
    CHECK(sent == expected);
}

TEST_CASE("account: zones come and go, a group goes", "[account]") {
    Bench b;
    for (const char* action : {"AddZoneToVpcEndpoint", "RemoveZoneFromVpcEndpoint", "DeleteSecurityGroup"})
        b.reply(action, R"({"RequestId":"R"})");
    CHECK(b.account.add_zone("ep-1", {"i", "vsw-2", core::IpAddress::parse("10.0.0.9"), {}}, "t", false));
    CHECK(b.last("AddZoneToVpcEndpoint") == Parameters{{"EndpointId", "ep-1"},
                                                       {"ZoneId", "i"},
                                                       {"VSwitchId", "vsw-2"},
                                                       {"ip", "10.0.0.9"},
                                                       {"ClientToken", "t"},
                                                       {"RegionId", "cn-hangzhou"}});
    CHECK(b.account.remove_zone("ep-1", "i", "", true));
    CHECK(b.last("RemoveZoneFromVpcEndpoint") ==
          Parameters{{"EndpointId", "ep-1"}, {"ZoneId", "i"}, {"DryRun", "true"}, {"RegionId", "cn-hangzhou"}});
    CHECK(b.account.remove_group("sg-1"));
    CHECK(b.last("DeleteSecurityGroup").at("SecurityGroupId") == "sg-1");
}

TEST_CASE("account: zones keep what a saved reply needs, and the request's ID", "[account]") {
    Bench b;
    b.reply("GetVpcEndpointAttribute", kEndpoint);
    b.reply("ListVpcEndpointZones", R"({"RequestId":"R-9","Zones":[{"ZoneId":"h","ZoneStatus":"Connected",
        "EniIp":"10.0.0.1","EniId":"eni-1","VSwitchId":"vsw-1","RegionId":"cn-hangzhou","ZoneIpv6Address":"false"}]})");
    const auto one = b.account.describe("ep-1");
    REQUIRE(one);
    CHECK(one->report.request_id == "R-9");
    REQUIRE(one->zones.size() == 1);
    CHECK(one->zones[0].report == one->report.zones.at(0));
    CHECK(one->zones[0].eni == "eni-1");
    CHECK(one->zones[0].vswitch == "vsw-1");
    CHECK(one->zones[0].region == "cn-hangzhou");
    CHECK_FALSE(one->zones[0].report.ipv6);
}
