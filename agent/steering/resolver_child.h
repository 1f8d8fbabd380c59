// postern-resolver as seen by the agent: adopted when one lives, started as our child otherwise, started again when it
// ends. We keep the listening sockets that we bound open, so queries wait in the kernel for the 100 ms without it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "core/backoff.h"
#include "core/process.h"
#include "core/stats_page.h"

namespace postern::agent {

class ResolverChild {
  public:
    struct Options {
        std::string program;  // path of postern-resolver
        Paths paths;
        std::vector<core::SocketAddress> listen;
    };

    ResolverChild(core::Loop& loop, core::Clock& clock, core::Random& random, Options options);
    ~ResolverChild();

    /// Adopts or starts. An error here is the user's to fix (port taken, no permission, no program); retried never.
    core::Result<void> start();
    /// Ends the resolver (SIGTERM, then SIGKILL after a second) and lets go of the sockets.
    void shut_down();
    /// Other addresses after a reload: takes effect by restarting the resolver with new sockets.
    core::Result<void> listen_on(const std::vector<core::SocketAddress>& listen);

    pid_t pid() const { return watch_.active() ? watch_.pid() : 0; }
    std::uint64_t restarts() const { return restarts_; }
    /// "" or why there is no resolver at this moment.
    const std::string& problem() const { return problem_; }

  private:
    core::Result<void> bind_sockets();
    core::Result<void> spawn();
    void watch(pid_t pid);
    void ended();

    core::Loop& loop_;
    core::Clock& clock_;
    core::Random& random_;
    Options options_;
    using SocketKey = std::pair<core::SocketAddress, int>;  // address and SOCK_DGRAM or SOCK_STREAM
    std::map<SocketKey, core::UniqueFd> sockets_;           // empty while an adopted resolver has its own
    core::ProcessWatch watch_;
    core::Timer retry_;
    core::Backoff backoff_;
    Micros started_mono_us_ = 0;
    std::uint64_t restarts_ = 0;
    std::string problem_;
    bool stopping_ = false;
};

/// Beside the running program, else ../sbin, else the path as given by POSTERN_RESOLVER.
std::string find_resolver_program();

}  // namespace postern::agent
