// SPDX-License-Identifier: Apache-2.0
// Ends the lost connections to one address, at most kMost a second for all addresses together; nothing that makes
// progress is touched. Blocks; one thread. Needs CAP_NET_ADMIN.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "agent/connections/connection.h"
#include "agent/freeing/free_request.h"
#include "agent/freeing/may_free.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ip_address.h"

namespace postern::agent {

struct FreeOrder {
    core::SocketAddress address;
    Lost lost = Lost::kStuck;
    std::optional<std::uint32_t> spared_user;  // the agent's: its probes end by themselves
    bool try_only = false;                     // nothing is ended: `left` counts what would be
};

class Destroyer {
  public:
    /// The gateways that take over get no more new connections at once than this.
    static constexpr std::uint32_t kMost = 200;

    FreeReply end_lost(const FreeOrder& order);
    /// Who has lost what the last call of end_lost() found: connections by user.
    const std::map<std::uint32_t, std::uint32_t>& users() const { return users_; }

  private:
    std::vector<SocketId> find(const FreeOrder& order, FreeReply& reply);

    core::Micros second_began_us_ = 0;
    std::uint32_t ended_ = 0;  // in that second
    std::map<std::uint32_t, std::uint32_t> users_;
};

/// Of a connection to the address in question.
bool is_lost(const Connection& connection, Lost lost);

}  // namespace postern::agent
