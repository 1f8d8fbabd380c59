// SPDX-License-Identifier: Apache-2.0
// The agent's postern-resolver process: adopted if one is running, else started as a child; restarted when it ends.
// The agent keeps its listening sockets open, so queries wait in the kernel for the 100 ms without a resolver.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/paths.h"
#include "core/backoff.h"
#include "core/message.h"
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

    /// Adopts or starts. An error here needs the user (port taken, no permission, no program) and is not retried.
    core::Result<void> start();
    /// Ends the resolver (SIGTERM, then SIGKILL after a second) and closes the sockets.
    void shut_down();
    /// New addresses after a reload: restarts the resolver with new sockets.
    core::Result<void> listen_on(const std::vector<core::SocketAddress>& listen);

    pid_t pid() const { return watch_.active() ? watch_.pid() : 0; }
    std::uint64_t restarts() const { return restarts_; }
    /// "" or why there is no resolver now.
    const core::Message& problem() const { return problem_; }

  private:
    core::Result<void> bind_sockets();
    core::Result<void> spawn();
    void watch(pid_t pid);
    void ended();
    void start_again_in(Micros delay);

    core::Loop& loop_;
    core::Clock& clock_;
    core::Random& random_;
    Options options_;
    using SocketKey = std::pair<core::SocketAddress, int>;  // address and SOCK_DGRAM or SOCK_STREAM
    std::map<SocketKey, core::UniqueFd> sockets_;           // empty while an adopted resolver has its own sockets
    core::ProcessWatch watch_;
    core::Timer retry_;
    core::Backoff backoff_;
    Micros started_mono_us_ = 0;
    std::uint64_t restarts_ = 0;
    core::Message problem_;
    bool stopping_ = false;
};

/// Beside the running program, else ../sbin, else the path in POSTERN_RESOLVER.
std::string find_resolver_program();

}  // namespace postern::agent
