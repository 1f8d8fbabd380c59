// SPDX-License-Identifier: Apache-2.0
// Explains a refusal to a user of `postern endpoint`, and names the owner of the fix. Pure.
#pragma once

#include <string>
#include <string_view>

#include "agent/cloud/aliyun_reply.h"

namespace postern::agent {

/// Like explain(), but the next step is for a person at a command line, not for the poll.
core::Error explain_operation(const ApiError& error, const ApiContext& context);

/// Whether a wait goes on after this failure, because it is no refusal by the API but a broken connection, a pause, or
/// a reply of something else (a proxy's error page, a gateway that wants a login). A certificate or a source of
/// credentials may only pass if the API `answered_before`: failing from the start it is a fault of the setup.
bool may_pass(core::Code code, bool answered_before);

/// Who can fix it: "your account's RAM administrator", "Alibaba Cloud", "this host's network", …
core::Message owner_of(const core::Error& error);

/// How every step in TDengine's console begins.
inline constexpr const char* kTdengineConsole = "in TDengine's console:";

/// The code of a write that must wait for a person: the endpoint's connection has to be disconnected first.
inline constexpr const char* kConnectionDenied = "EndpointConnectionOperationDenied";

/// "in TDengine's console: 实例 > 私有连接 > 服务列表 > 添加白名单, account ID 123…": the step that makes a service visible
/// to an account.
core::Message whitelist_step(const std::string& account);

}  // namespace postern::agent
