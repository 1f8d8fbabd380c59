// The last resort of the resolver: a small text file, written with the durable plan, for the day when no plan is valid.
//     listen 127.0.0.153:53
//     upstream 100.100.2.136:53
//     name db.example.com          (private: answered SERVFAIL + EDE 14, never forwarded)
// Lines of other kinds and comments (#) are skipped, so a file in resolv.conf's form works, too ("nameserver IP").
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
Fallback parse_fallback(std::string_view text);

}  // namespace postern::core
