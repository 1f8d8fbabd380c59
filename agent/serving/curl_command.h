// SPDX-License-Identifier: Apache-2.0
// The request of a probe as a shell command, for people. It has no token, but the shell variable TOKEN in its place. Pure.
#pragma once

#include <string>
#include <string_view>

#include "agent/status/status.h"

namespace postern::agent {

/// For the address `ip`. "" for a kind of probe that sends nothing.
std::string curl_command(const LinkStatus& link, const core::IpAddress& ip);
/// The same with "{ip}" where the address goes, one of IPv6 as '[…]' with its quotes. The JSON has it, once for a link.
std::string curl_template(const LinkStatus& link);

}  // namespace postern::agent
