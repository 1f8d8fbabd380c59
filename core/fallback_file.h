// SPDX-License-Identifier: Apache-2.0
// The fallback file: what the resolver uses when no plan is valid. A small text file, written with the durable plan.
//     listen 127.0.0.153:53
//     upstream 100.100.2.136:53
//     name db.example.com          (private: answered SERVFAIL + EDE 14, never forwarded)
// Other lines and comments (#) are skipped. "nameserver IP" counts as an upstream, so a resolv.conf works too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"

namespace postern::core {

struct Fallback {
    std::vector<SocketAddress> listen;
    std::vector<SocketAddress> upstreams;
    std::vector<std::string> names;
    bool operator==(const Fallback&) const = default;
};

inline constexpr std::size_t kMaxFallbackBytes = 4u << 20;

std::string format_fallback(const Fallback& fallback);
/// Never fails: a line that can't be parsed is skipped.
Fallback parse_fallback(std::string_view text);

}  // namespace postern::core
