// SPDX-License-Identifier: Apache-2.0
// 0.0.0.0 and ::, which a listener takes for every address of its host. Pure.
#pragma once

#include "core/ip_address.h"

namespace postern::core {

bool is_any(const IpAddress& ip);

/// Where a listener is reached from its own host: loopback in place of 0.0.0.0 and ::.
SocketAddress on_this_host(SocketAddress listener);

}  // namespace postern::core
