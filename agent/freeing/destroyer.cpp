// SPDX-License-Identifier: Apache-2.0
#include "agent/freeing/destroyer.h"

#include <sys/socket.h>

#include <cerrno>

#include "agent/connections/diag_socket.h"
#include "agent/connections/sock_diag.h"
#include "core/loop.h"

namespace postern::agent {

namespace {

constexpr Micros kWait = 2 * core::kSecond;  // for the kernel

FreeRefusal refusal_of(int sys) {
    if (sys == EPERM || sys == EACCES) return FreeRefusal::kNoRight;
    return sys == EOPNOTSUPP ? FreeRefusal::kUnsupported : FreeRefusal::kFailed;
}

}  // namespace

bool is_lost(const Connection& c, Lost lost) {
    return c.inode != 0 && (is_stuck(c) || (lost == Lost::kStuckOrIdle && is_idle(c)));
}

std::vector<SocketId> Destroyer::find(const FreeOrder& order, FreeReply& reply) {
    std::vector<SocketId> out;
    users_.clear();
    const core::Bytes filter = diag_filter({order.address});
    // IPv6, too: a socket that talks both has its IPv4 peers there.
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
        auto kernel = DiagSocket::open(kWait);
        if (!kernel) {
            reply.refusal = FreeRefusal::kFailed;
            return {};
        }
        const DiagList list = kernel->list(family, filter, [&](const std::vector<Connection>& part) {
            for (const auto& c : part) {
                if (c.remote != order.address.ip || c.remote_port != order.address.port || !is_lost(c, order.lost) ||
                    c.uid == order.spared_user)
                    continue;
                ++reply.left;
                ++users_[c.uid];
                if (out.size() < kMost) out.push_back(c.id);
            }
            return true;
        });
        if (list.error) reply.refusal = FreeRefusal::kFailed;
    }
    return out;
}

FreeReply Destroyer::end_lost(const FreeOrder& order) {
    FreeReply reply;
    const std::vector<SocketId> found = find(order, reply);
    if (order.try_only || found.empty()) return reply;
    if (const Micros now = core::now_mono_us(); now - second_began_us_ >= core::kSecond) {
        second_began_us_ = now;
        ended_ = 0;
    }
    auto kernel = DiagSocket::open(kWait);
    if (!kernel) return {FreeRefusal::kFailed, 0, reply.left};
    for (const SocketId& id : found) {
        if (ended_ >= kMost) break;
        const int sys = kernel->destroy(id);
        if (sys != 0 && sys != ENOENT) {
            reply.refusal = refusal_of(sys);
            break;
        }
        --reply.left;
        if (sys == ENOENT) continue;  // it has ended by itself
        ++ended_;
        ++reply.freed;
    }
    return reply;
}

}  // namespace postern::agent
