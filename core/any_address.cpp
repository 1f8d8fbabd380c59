// SPDX-License-Identifier: Apache-2.0
#include "core/any_address.h"

namespace postern::core {

bool is_any(const IpAddress& ip) {
    return ip == IpAddress{} || ip == IpAddress::v6({});
}

SocketAddress on_this_host(SocketAddress listener) {
    if (is_any(listener.ip)) listener.ip = *IpAddress::parse(listener.ip.is_v6() ? "::1" : "127.0.0.1");
    return listener;
}

}  // namespace postern::core
