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

    // For the health check.
    /// A UDP address that takes only what `client` sends, and answers it whatever the plan allows. One of them.
    core::Result<core::SocketAddress> open_private(const core::SocketAddress& client);
    /// From now on received() counts the packets that come to this one of addresses().
    void watch(const core::SocketAddress& address) { handler_.watch(listeners_.id_at(address)); }
    std::uint64_t received() const { return handler_.watched_packets(); }

  private:
    void use(PlanPointer plan);
    void compare(const std::vector<core::SocketAddress>& wanted);
    void say_new_faults(const std::vector<core::Error>& errors);
    void say_kept(const core::PlanView& plan);

    core::Clock& clock_;
    StatsWriter stats_;
    QueryLog query_log_;
    Listeners listeners_;
    Cache cache_;
    Forwarder forwarder_;
    UpstreamSockets transport_;
    QueryHandler handler_;
    std::vector<ListenSocket> passed_;
    // What the log has said of the plan in use, and does not repeat with the next one.
    std::vector<core::SocketAddress> compared_, own_upstreams_;
    std::vector<std::string> listen_faults_;
    std::string kept_;
    PlanWatcher watcher_;
};

}  // namespace postern::resolver
