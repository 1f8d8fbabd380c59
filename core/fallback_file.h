// SPDX-License-Identifier: Apache-2.0
// The fallback file: what the resolver uses when no plan is valid. A small text file, written with the durable plan.
//     listen 127.0.0.153:53
//     upstream 100.100.2.136:53
//     name db.example.com          (private: answered SERVFAIL + EDE 14, never forwarded)
//     forward db2.example.com      (not private: forwarded, even where an earlier file says "name")
//     allow 127.0.0.0/8            (whose questions are answered; without such a line: loopback's alone)
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
    std::vector<IpPrefix> allow;
    std::vector<std::string> forwarded;
    bool operator==(const Fallback&) const = default;
};

inline constexpr std::size_t kMaxFallbackBytes = 4u << 20;

std::string format_fallback(const Fallback& fallback);
/// Never fails: a line that can't be parsed is skipped.
Fallback parse_fallback(std::string_view text);

/// `now`, in which each list that is empty is that of `before`: a file that was emptied or cut takes nothing away.
/// Names that `now` forwards are not kept.
/// `kept` names those lists, "listen, name"; "" for none.
Fallback with_known(Fallback now, const Fallback& before, std::string* kept);

}  // namespace postern::core
