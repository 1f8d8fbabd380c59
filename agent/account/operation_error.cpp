// SPDX-License-Identifier: Apache-2.0
#include "agent/account/operation_error.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Error;

constexpr const char* kPolicies = "/usr/share/postern/ram";

struct Advice {
    const char* code;  // a code, or a prefix of codes if it ends in '*'
    const char* hint;  // "{}": the region
};

// Codes of the write operations, from the documentation and from the retry rules of Terraform's provider.
constexpr Advice kAdvice[] = {
    {kConnectionDenied,
     "its connection must be disconnected first, in TDengine's console: 实例 > 私有连接 > 操作 > 断开"},
    {"DependencyViolation*",
     "something is still in the security group: postern endpoint list shows endpoints, the ECS console the others"},
    {"CheckServiceLinkRoleError",
     "the account's first endpoint needs the service-linked role of PrivateLink: create one endpoint in the "
     "console, or grant "
     "ram:CreateServiceLinkedRole for privatelink.aliyuncs.com"},
    {"AccountTypeRestricted",
     "this kind of account may not use PrivateLink: ask Alibaba Cloud's support with the RequestId"},
    {"AliCroupCloudUserCanNotBuyNotInnerCommodity",
     "this kind of account may not buy it: ask Alibaba Cloud's support with the RequestId"},
    {"AddSecurityGroupNotSupportWhenHaveNoSg",
     "the endpoint was made without a security group: make another one with one"},
    {"IdempotentParameterMismatch",
     "the client token was used with other parameters before: leave --client-token out, after a look at "
     "postern endpoint list"},
    {"Quota*", "the account's quota is used up: delete what is not needed, or ask for more in the Quota Center"},
    {"InvalidSecurityGroupId*",
     "check the security group: it must exist in region {} and belong to the endpoint's VPC; those of other regions are "
     "not found"},
    {"InvalidVSwitchId*",
     "check the vSwitch: it must exist in region {}, in the VPC and the zone that are given with it; those of other "
     "regions are not found"},
    {"InvalidVpcId*",
     "check the VPC: it must exist in region {} and belong to the account of the credentials; those of other regions are "
     "not found"},
    {"ZoneVpc.NotExists*",
     "check the VPC: it must exist in the region that is given with it, and belong to the account of the credentials"},
    {"Zone.NotExists*", "somebody deleted the zone meanwhile: run it again"},
    {"Zone.VpcExists", "a VPC was bound to the zone meanwhile: run it again, or unbind it in the PrivateZone console"},
};

bool matches(const std::string& code, std::string_view pattern) {
    if (pattern.ends_with('*')) return code.starts_with(pattern.substr(0, pattern.size() - 1));
    return code == pattern;
}

}  // namespace

std::string whitelist_step(const std::string& account) {
    return std::string(kTdengineConsole) + " 实例 > 私有连接 > 服务列表 > 添加白名单, account ID " +
           (account.empty() ? "of this Alibaba Cloud account (in the console's upper right corner)" : account);
}

Error explain_operation(const ApiError& e, const ApiContext& c) {
    Error out = explain(e, c);
    if (!wrong_region(e, c).empty()) return out;
    if (e.code == "EndpointServiceNotFound") {
        out.hint = "check the service's name: it is looked for in region " + c.region +
                   ", and one of another region is given by its full name; if it is right, this account is not "
                   "whitelisted yet: " +
                   whitelist_step("");
        return out;
    }
    if (is_busy(e)) {
        out.hint =
            "another operation on it is in progress, by the cloud or in TDengine's console; try "
            "again in a minute";
        return out;
    }
    for (const auto& [code, hint] : kAdvice) {
        if (!matches(e.code, code)) continue;
        out.hint = hint;
        if (const auto at = out.hint.find("{}"); at != std::string::npos) out.hint.replace(at, 2, c.region);
        return out;
    }
    switch (out.code) {
        case Code::kApiThrottled:
            out.hint = "all hosts of the account share the API's quota in a region: try again in a minute";
            break;
        case Code::kApiUnavailable:
            out.hint = "Alibaba Cloud's side is failing: try again in a minute";
            break;
        case Code::kApiDenied:
            out.hint += std::string("; policies are in ") + kPolicies;
            break;
        default:
            break;
    }
    return out;
}

bool may_pass(Code code, bool answered_before) {
    switch (code) {
        case Code::kDnsFailed:
        case Code::kConnectFailed:
        case Code::kTimeout:
        case Code::kHttpFailed:
        case Code::kTooLarge:
        case Code::kApiThrottled:
        case Code::kApiUnavailable:
        case Code::kApiBadReply:
            return true;
        case Code::kTlsFailed:
        case Code::kCredentialsMissing:
            return answered_before;
        default:
            return false;
    }
}

std::string owner_of(const Error& error) {
    if (error.hint.find(kTdengineConsole) != std::string::npos) return "whoever manages your TDengine Cloud instances";
    switch (error.code) {
        case Code::kApiDenied:
            return "your account's RAM administrator";
        case Code::kCredentialsMissing:
        case Code::kCredentialsInvalid:
        case Code::kCredentialsExpired:
            return "whoever set up this host's credentials";
        case Code::kApiThrottled:
        case Code::kApiNotFound:
        case Code::kApiRejected:
            return "your Alibaba Cloud account";
        case Code::kApiUnavailable:
            return "Alibaba Cloud";
        case Code::kApiBadReply:
        case Code::kTooLarge:
            return "whatever answers there: Alibaba Cloud, or a proxy in its place";
        case Code::kApiClock:
            return "this host's clock";
        case Code::kDnsFailed:
        case Code::kConnectFailed:
        case Code::kTlsFailed:
        case Code::kTimeout:
        case Code::kHttpFailed:
            return "this host's network";
        default:
            return "you";
    }
}

}  // namespace postern::agent
