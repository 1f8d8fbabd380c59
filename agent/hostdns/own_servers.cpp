// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/own_servers.h"

#include <algorithm>

#include "agent/hostdns/own_address.h"
#include "core/any_address.h"
#include "core/own_interface.h"

namespace postern::agent {

OwnServers::OwnServers(const HostSystem& host, std::vector<core::SocketAddress> listen, const Journal& journal)
    : listen_(std::move(listen)) {
    listen_.push_back({*core::IpAddress::parse(core::kOwnInterface), 53});
    if (journal.state != TakeoverState::kOff) listen_.push_back(journal.target.listen);
    if (std::any_of(listen_.begin(), listen_.end(), [](const auto& own) { return core::is_any(own.ip); }))
        of_host_ = host.addresses();
}

bool OwnServers::operator()(const core::SocketAddress& server) const {
    return is_own(server, listen_, of_host_);
}

bool is_stub(const core::IpAddress& ip) {
    static const auto kStub = *core::IpAddress::parse("127.0.0.53");
    static const auto kStubProxy = *core::IpAddress::parse("127.0.0.54");
    return ip == kStub || ip == kStubProxy;
}

}  // namespace postern::agent
