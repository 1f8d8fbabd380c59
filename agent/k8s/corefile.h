// SPDX-License-Identifier: Apache-2.0
// What a cluster's DNS has to be told of the private names: server blocks of CoreDNS or NodeLocal DNSCache, or ACK's
// CustomDNSConfig. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/ip_address.h"

namespace postern::agent::k8s {

/// How long the cluster's DNS keeps an answer, in seconds, whatever its TTL. It is short, because it adds to the time until
/// a pod's lookup no longer leads to a dead zone (tests/sim/scheduler_detection_test.cpp), and it spares the resolver all
/// but two questions a second for a name.
inline constexpr int kCacheS = 1;

enum class ClusterDns { kCoreDns, kNodeLocal, kAck };

struct CorefileOptions {
    ClusterDns dns = ClusterDns::kCoreDns;
    std::vector<core::SocketAddress> upstreams;  // asked in this order: the node's resolver, then the Service
    std::vector<core::IpAddress> binds;          // kNodeLocal: the addresses of its other blocks
    bool failover = false;                       // SERVFAIL and REFUSED: the next one is asked (not every CoreDNS can)
};

/// `names`: lower case, no final dot; one that is there twice is written once.
std::string corefile(const std::vector<std::string>& names, const CorefileOptions& options);

/// Whether a cluster's DNS can ask this address: kUsage with what is wrong and what to give. `option`: "--service".
core::Result<core::SocketAddress> parse_resolver(std::string_view text, const char* option);
/// The same for what the CustomDNSConfig can say: IPv4 alone, as the facts of its schema have it.
core::Result<void> check_ack(const std::vector<core::SocketAddress>& upstreams);

}  // namespace postern::agent::k8s
