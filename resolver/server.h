// SPDX-License-Identifier: Apache-2.0
// Wires the parts of the resolver (files, sockets, forwarder, handler) on one loop. Owns them all. Loop thread.
#pragma once

#include "resolver/listeners.h"
#include "resolver/plan_watcher.h"
#include "resolver/stats_writer.h"
#include "resolver/upstream_sockets.h"

namespace postern::resolver {

struct ServerSettings {
    PlanPaths paths;
    std::string stats_path;             // may be empty; the query log is in the same folder
    std::vector<ListenSocket> sockets;  // passed to the process; empty: bind those of the plan
    std::vector<std::string> resolv_confs = host_resolv_confs();
};

class Server {
  public:
    Server(core::Loop& loop, core::Clock& clock, core::Random& random, ServerSettings settings);
    ~Server();

    /// Loads the plan and listens. False, after logging it, when there is not a single socket.
    bool start();
    void reload() { watcher_.reload(); }
    std::vector<core::SocketAddress> addresses() const { return listeners_.addresses(); }
    /// Whether the plan in use allows this client.
    bool allows(const core::IpAddress& client) const;
    core::StatsPage& stats() { return stats_.page(); }

  private:
    void use(PlanPointer plan);
    void compare(const std::vector<core::SocketAddress>& wanted);

    core::Clock& clock_;
    StatsWriter stats_;
    QueryLog query_log_;
    Listeners listeners_;
    Cache cache_;
    Forwarder forwarder_;
    UpstreamSockets transport_;
    QueryHandler handler_;
    std::vector<ListenSocket> passed_;
    std::vector<core::SocketAddress> compared_;  // the addresses of the last warning, which is not repeated
    PlanWatcher watcher_;
};

}  // namespace postern::resolver
