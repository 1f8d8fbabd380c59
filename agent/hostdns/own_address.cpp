// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/own_address.h"

#include <algorithm>
#include <tuple>

#include "core/any_address.h"

namespace postern::agent {
namespace {

/// The source address of a program of this host: the kernel uses 127.0.0.1 for all of 127.0.0.0/8.
core::IpAddress source_to(const core::IpAddress& ip) {
    static const auto kLoopback = *core::IpAddress::parse("127.0.0.1");
    return ip.is_loopback() && !ip.is_v6() ? kLoopback : ip;
}

}  // namespace

core::SocketAddress own_address(const DnsConfig& dns) {
    static const auto kUsual = *core::SocketAddress::parse("127.0.0.153:53", 53);
    std::vector<core::SocketAddress> reached;
    for (const auto& listener : dns.listen)
        reached.push_back(core::on_this_host(listener));
    const auto rank = [&](const core::SocketAddress& a) {
        const bool refused = std::none_of(dns.allow.begin(), dns.allow.end(),
                                          [&](const auto& prefix) { return prefix.contains(source_to(a.ip)); });
        return std::tuple(refused, a.port != 53, !a.ip.is_loopback());
    };
    const auto best = std::min_element(reached.begin(), reached.end(),
                                       [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    return best == reached.end() ? kUsual : *best;
}

bool is_own(const core::SocketAddress& server, const std::vector<core::SocketAddress>& listen,
            const std::vector<core::IpAddress>& of_host) {
    return std::any_of(listen.begin(), listen.end(), [&](const core::SocketAddress& own) {
        if (own.port != server.port) return false;
        if (!core::is_any(own.ip)) return own.ip == server.ip;
        return own.ip.is_v6() == server.ip.is_v6() &&
               (server.ip.is_loopback() || core::is_any(server.ip) ||
                std::find(of_host.begin(), of_host.end(), server.ip) != of_host.end());
    });
}

}  // namespace postern::agent
