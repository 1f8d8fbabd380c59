// SPDX-License-Identifier: Apache-2.0
#include "resolver/upstream_tcp.h"

#include <algorithm>
#include <cerrno>

#include "resolver/upstream_tcp_server.h"

namespace postern::resolver {

UpstreamTcp::UpstreamTcp(core::Loop& loop, core::Clock& clock, UpstreamEvents& events)
    : loop_(loop), clock_(clock), events_(events) {}
UpstreamTcp::~UpstreamTcp() = default;

UpstreamTransport::Sent UpstreamTcp::send(std::uint64_t cookie, const core::SocketAddress& server,
                                          core::ByteView query) {
    if (query.size() < 2 || query.size() > UINT16_MAX) return {EINVAL, 0};
    // Never erased: there are only a few servers, and the receiver of a failure may call this from inside.
    auto& known = servers_[server];
    if (known == nullptr) known = std::make_unique<UpstreamTcpServer>(loop_, clock_, events_, server);
    TcpQuery q;
    q.id = core::load_be16(query.data());
    q.handle = next_handle_++ << 16 | q.id;
    q.cookie = cookie;
    q.framed.resize(2 + query.size());
    core::store_be16(q.framed.data(), static_cast<std::uint16_t>(query.size()));
    std::copy(query.begin(), query.end(), q.framed.begin() + 2);
    const std::uint64_t handle = q.handle;
    const int error = known->send(std::move(q));
    return {error, error == 0 ? handle : 0};
}

void UpstreamTcp::cancel(std::uint64_t handle) {
    for (auto& [address, server] : servers_) {
        if (server->cancel(handle)) return;
    }
}

}  // namespace postern::resolver
