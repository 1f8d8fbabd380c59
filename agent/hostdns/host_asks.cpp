// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/host_asks.h"

#include <algorithm>

#include "agent/hostdns/host_facts.h"
#include "agent/hostdns/own_servers.h"
#include "agent/hostdns/resolv_conf.h"

namespace postern::agent {

std::string_view to_string(HostAsks::State state) {
    return state == HostAsks::State::kYes ? "yes" : state == HostAsks::State::kNo ? "no" : "unknown";
}

HostAsks whom_host_asks(const HostSystem& host, const std::vector<core::SocketAddress>& listen,
                        const Journal& journal) {
    using enum HostAsks::State;
    if (journal.state == TakeoverState::kOn) return {kYes, {}};
    const auto named = servers_in(host.read(kResolvConf).value_or(""), OwnServers(host, listen, journal));
    if (named.ours) return {kYes, {}};
    const bool stub = std::any_of(named.others.begin(), named.others.end(),
                                  [](const core::SocketAddress& server) { return server.ip.is_loopback(); });
    const bool container = !host.real_path("/.dockerenv").empty() || !host.real_path("/run/.containerenv").empty();
    if (named.others.empty() || stub || container) return {kUnknown, {}};
    return {kNo, named.others};
}

}  // namespace postern::agent
