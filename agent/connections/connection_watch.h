// SPDX-License-Identifier: Apache-2.0
// When to look at the applications' connections, and what the looks have found: every kOften while something is not
// good, for a fiftieth of a CPU at most. While all is good it is the kernel's timeouts that bring the next probe forward:
// then for a thousandth of a CPU, every kOften on most hosts, every kRarely where there are very many connections. Owned
// by the app, loop thread only; the look itself runs in the pool.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/connections/socket_look.h"
#include "core/clock.h"
#include "core/loop.h"

namespace postern::agent {

/// Takes the looks: the pool, or a test.
class SocketLooker {
  public:
    using Done = std::function<void(SocketLook)>;
    virtual ~SocketLooker() = default;
    /// Calls `done` once on the loop thread, never from inside.
    virtual void look(std::vector<ConnectionTarget> targets, Done done) = 0;
};

class PoolLooker final : public SocketLooker {
  public:
    explicit PoolLooker(core::Loop& loop) : loop_(loop) {}
    void look(std::vector<ConnectionTarget> targets, Done done) override;

  private:
    core::Loop& loop_;
};

/// What is known.
struct ConnectionReport {
    Micros looked_wall_us = 0;         // when the last look ended, 0: there was none yet
    std::optional<core::Error> error;  // of the last look: nothing is known
    bool complete = false;             // of the last look
    Micros took_us = 0, cpu_us = 0;    // of the last look
    std::uint64_t looks = 0;
    Micros cpu_sum_us = 0;                   // of all looks
    std::vector<TargetConnections> targets;  // histograms: over all looks since the target is known
    bool known() const { return looked_wall_us != 0 && !error; }
};

class ConnectionWatch {
  public:
    static constexpr Micros kOften = 5 * core::kSecond, kRarely = core::kMinute;
    static constexpr Micros kMinBetween = core::kSecond;
    static constexpr Micros kCpuShare = 50, kQuietCpuShare = 1000;

    class Outside {
      public:
        virtual ~Outside() = default;
        virtual std::vector<ConnectionTarget> connection_targets() = 0;
        /// Whether every address is known to be good.
        virtual bool all_good() = 0;
        /// The kernel repeats what applications sent to this address of a link.
        virtual void times_out(const std::string& link, const core::IpAddress& ip) = 0;
        /// report() has what a look has found. May call look_soon().
        virtual void looked() = 0;
    };

    ConnectionWatch(core::Clock& clock, SocketLooker& looker, Outside& outside);
    ~ConnectionWatch();
    ConnectionWatch(const ConnectionWatch&) = delete;
    ConnectionWatch& operator=(const ConnectionWatch&) = delete;

    void start();
    void stop();
    /// The next look comes as soon as the bounds allow: a verdict has changed, or somebody asks.
    void look_soon();
    const ConnectionReport& report() const { return report_; }

  private:
    void look();
    void looked(SocketLook found);
    void plan_next();
    void keep_histograms();
    void tell();

    core::Clock& clock_;
    SocketLooker& looker_;
    Outside& outside_;
    core::Timer timer_;
    bool started_ = false, looking_ = false, again_ = false;
    Micros earliest_us_ = 0;  // of the next look
    ConnectionReport report_;
    std::map<ConnectionTarget, ConnectionHistograms> histograms_;
    std::set<ConnectionTarget> stuck_;  // as logged
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace postern::agent
