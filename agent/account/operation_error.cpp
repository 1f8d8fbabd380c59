// SPDX-License-Identifier: Apache-2.0
#include "agent/account/operation_error.h"

#include <algorithm>

namespace postern::agent {
namespace {

using core::Code;
using core::Error;

constexpr const char* kPolicies = "/usr/share/postern/ram";

struct Advice {
    const char* code;  // a code, or a prefix of codes if it ends in '*'
    const char* hint;
    enum class Value { kRegion, kConsole } value = Value::kRegion;  // for {}
};

// Codes of the write operations, from the documentation and from the retry rules of Terraform's provider.
constexpr Advice kAdvice[] = {
    {kConnectionDenied, "its connection must be disconnected first, {} 实例 > 私有连接 > 操作 > 断开",
     Advice::Value::kConsole},
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

core::Message whitelist_step(const std::string& account) {
    return core::message("{} 实例 > 私有连接 > 服务列表 > 添加白名单, account ID {}", kTdengineConsole,
                         account.empty()
                             ? core::Message("of this Alibaba Cloud account (in the console's upper right corner)")
                             : core::Message(account));
}

Error explain_operation(const ApiError& e, const ApiContext& c) {
    Error out = explain(e, c);
    if (!wrong_region(e, c).empty()) return out;
    if (e.code == "EndpointServiceNotFound") {
        out.hint = core::message(
            "check the service's name: it is looked for in region {}, and one of another region is given by its full name; "
            "if it is right, this account is not whitelisted yet: {}",
            c.region, whitelist_step(""));
        return out;
    }
    if (is_busy(e)) {
        out.hint =
            "another operation on it is in progress, by the cloud or in TDengine's console; try "
            "again in a minute";
        return out;
    }
    for (const auto& [code, hint, value] : kAdvice) {
        if (!matches(e.code, code)) continue;
        const bool console = value == Advice::Value::kConsole;
        out.hint =
            core::Message(std::string(hint), {console ? core::Message(kTdengineConsole) : core::Message(c.region)});
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
            out.hint = core::message("{}; policies are in {}", out.hint, std::string(kPolicies));
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

namespace {

bool leads_to_tdengine(const core::Message& step) {
    return step.form() == kTdengineConsole ||
           std::any_of(step.values().begin(), step.values().end(), leads_to_tdengine);
}

}  // namespace

core::Message owner_of(const Error& error) {
    if (leads_to_tdengine(error.hint)) return "whoever manages your TDengine Cloud instances";
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
