// SPDX-License-Identifier: Apache-2.0
#include "agent/account/operation_error.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

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
        {"EndpointOperationDenied", 400, Code::kApiUnavailable, "Alibaba Cloud", "try again in a minute"},
        {"EndpointConnectionOperationDenied", 400, Code::kApiRejected, "whoever manages your TDengine Cloud instances",
         "实例 > 私有连接 > 操作 > 断开"},
        {"CheckServiceLinkRoleError", 400, Code::kApiRejected, "your Alibaba Cloud account", "service-linked role"},
        {"ZoneVpc.NotExists.VpcId", 400, Code::kApiRejected, "your Alibaba Cloud account", "check the VPC"},
        {"Zone.NotExists", 400, Code::kApiRejected, "your Alibaba Cloud account", "run it again"},
        {"Zone.VpcExists", 400, Code::kApiRejected, "your Alibaba Cloud account", "unbind it"},
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

TEST_CASE("operation error: what is looked for in one region may be in another", "[endpoint]") {
    for (const char* code : {"EndpointNotFound", "EndpointServiceNotFound", "InvalidSecurityGroupId.NotFound",
                             "InvalidVSwitchId.NotFound", "InvalidVpcId.NotFound"}) {
        const auto error = explained(code, 404);
        INFO(error.hint);
        CHECK(has(error.hint, "region cn-hangzhou"));
        CHECK(has(error.hint, "other region"));
    }
}

TEST_CASE("operation error: a code that nobody knows is passed on, and nothing that was signed", "[endpoint]") {
    for (const char* code : {"", "NeverSeen", "x\x1b[2J"}) {
        const auto error = explained(code);
        CHECK_FALSE(error.what.empty());
        CHECK_FALSE(owner_of(error).empty());
    }
}

TEST_CASE("operation error: what may pass by itself is no answer yet", "[endpoint]") {
    using core::Code;
    // Whatever is no refusal by the API: silence, a broken connection, a page of somebody else's.
    for (const Code code : {Code::kDnsFailed, Code::kConnectFailed, Code::kTimeout, Code::kHttpFailed, Code::kTooLarge,
                            Code::kApiThrottled, Code::kApiUnavailable, Code::kApiBadReply}) {
        INFO(core::to_string(code));
        CHECK(may_pass(code, false));
        CHECK(may_pass(code, true));
    }
    // A certificate or a source of credentials that fails from the start is a fault of the setup; once the API has
    // answered it is a disturbance.
    for (const Code code : {Code::kTlsFailed, Code::kCredentialsMissing}) {
        INFO(core::to_string(code));
        CHECK_FALSE(may_pass(code, false));
        CHECK(may_pass(code, true));
    }
    for (const Code code : {Code::kApiDenied, Code::kApiNotFound, Code::kApiRejected, Code::kApiClock, Code::kUsage,
                            Code::kCredentialsInvalid, Code::kConfigBadValue, Code::kCancelled}) {
        INFO(core::to_string(code));
        CHECK_FALSE(may_pass(code, false));
        CHECK_FALSE(may_pass(code, true));
    }
}
