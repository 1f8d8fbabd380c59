// SPDX-License-Identifier: Apache-2.0
#include "agent/account/operation_reply.h"

#include <catch2/catch.hpp>

#include "agent/account/operation_error.h"

using namespace postern;
using namespace postern::agent;

namespace {

JsonView json(const std::string& text) {
    auto parsed = JsonView::parse(text);
    REQUIRE(parsed);
    return *parsed;
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

core::Error explained(const std::string& code, int status = 400, const std::string& product = "privatelink",
                      const std::string& action = "CreateVpcEndpoint") {
    ApiError error;
    error.http_status = status;
    error.code = code;
    error.request_id = "REQ-1";
    return explain_operation(error, {.product = product,
                                     .action = action,
                                     .host = "api.example",
                                     .region = "cn-hangzhou",
                                     .resource = "endpoint ep-1",
                                     .credentials = "environment",
                                     .principal = ""});
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

TEST_CASE("operation error: code, RequestId, owner and next step", "[endpoint]") {
    struct Case {
        const char* code;
        int status;
        core::Code kind;
        const char* owner;
        const char* hint;
    };
    using core::Code;
    const Case cases[] = {
        {"EndpointServiceNotFound", 404, Code::kApiNotFound, "whoever manages your TDengine Cloud instances",
         "添加白名单"},
        {"EndpointNotFound", 400, Code::kApiNotFound, "your Alibaba Cloud account", "check that endpoint ep-1 exists"},
        {"EndpointLocked", 400, Code::kApiUnavailable, "Alibaba Cloud", "try again in a minute"},
        {"EndpointConnectionOperationDenied", 400, Code::kApiUnavailable, "Alibaba Cloud", "try again in a minute"},
        {"CheckServiceLinkRoleError", 400, Code::kApiRejected, "your Alibaba Cloud account", "service-linked role"},
        {"QuotaExceeded.Endpoint", 400, Code::kApiRejected, "your Alibaba Cloud account", "quota"},
        {"IdempotentParameterMismatch", 400, Code::kApiRejected, "your Alibaba Cloud account", "--client-token"},
        {"InvalidVSwitchId.NotFound", 404, Code::kApiRejected, "your Alibaba Cloud account", "vSwitch"},
        {"Throttling.User", 400, Code::kApiThrottled, "your Alibaba Cloud account", "try again in a minute"},
        {"InternalError", 500, Code::kApiUnavailable, "Alibaba Cloud", "try again in a minute"},
        {"Forbidden.RAM", 403, Code::kApiDenied, "your account's RAM administrator",
         "grant privatelink:CreateVpcEndpoint"},
        {"InvalidTimeStamp.Expired", 400, Code::kApiClock, "this host's clock", "fix NTP"},
        {"SignatureDoesNotMatch", 400, Code::kCredentialsInvalid, "whoever set up this host's credentials", "secret"},
    };
    for (const auto& c : cases) {
        INFO(c.code);
        const auto error = explained(c.code, c.status);
        CHECK(error.code == c.kind);
        CHECK(has(error.what, c.code));
        CHECK(has(error.what, "RequestId REQ-1"));
        CHECK(owner_of(error) == c.owner);
        CHECK(has(error.hint, c.hint));
    }
    CHECK(has(explained("NoPermission", 403, "ecs", "CreateSecurityGroup").hint, "grant ecs:CreateSecurityGroup"));
}
