// What a refusal means to somebody who creates, looks at or deletes an endpoint, and whose move it is. Pure.
#pragma once

#include <string>
#include <string_view>

#include "agent/cloud/aliyun_reply.h"

namespace postern::agent {

/// As explain(), with the next step of a person at a command line in place of the poll's.
core::Error explain_operation(const ApiError& error, const ApiContext& context);

/// Who can put it right: "your account's RAM administrator", "Alibaba Cloud", "this host's network", …
std::string owner_of(const core::Error& error);

/// Words of every step that is a click in TDengine's console.
inline constexpr std::string_view kTdengineConsole = "in TDengine's console:";

/// "in TDengine's console: 实例 > 私有连接 > 服务列表 > 添加白名单, account ID 123…" - what lets an account
/// see the service.
std::string whitelist_step(const std::string& account);

}  // namespace postern::agent
