// The whole resolver but its process: wires clock, files, sockets, forwarder and handler on one loop.
#pragma once

#include "resolver/listeners.h"
#include "resolver/plan_watcher.h"
#include "resolver/stats_writer.h"
#include "resolver/upstream_sockets.h"

namespace postern::resolver {

struct ServerSettings {
    PlanPaths paths;
    std::string stats_path;             // may be empty; the query log lies beside it
    std::vector<ListenSocket> sockets;  // from the service manager; empty: bind what the plan says
    std::vector<std::string> resolv_confs = host_resolv_confs();
};

class Server {
  public:
    Server(core::Loop& loop, core::Clock& clock, core::Random& random, ServerSettings settings);
    ~Server();

    /// Loads the plan and listens. False: there is no socket at all, which was logged.
    bool start();
    void reload() { watcher_.reload(); }
    std::vector<core::SocketAddress> addresses() const { return listeners_.addresses(); }
    /// Whether the plan lets this client in.
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
    std::vector<core::SocketAddress> compared_;  // what was last said about is not said again
    PlanWatcher watcher_;
};

}  // namespace postern::resolver
