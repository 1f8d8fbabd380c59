// SPDX-License-Identifier: Apache-2.0
// Whether the upstreams answer, by the resolver's counters and by questions of the agent's own, one server at a time at a
// slow pace. Every statement is about the last five minutes. Owned by the app, loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/hostdns/upstream_look.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/stats_page.h"

namespace postern::agent {

/// What happened lately at one upstream. Pure; the time is passed in.
class UpstreamRecord {
  public:
    /// The resolver's counters of it. `fresh`: they began anew, so that the difference says nothing.
    void count(const core::UpstreamStats& stats, bool fresh, core::Micros now_us);
    /// The agent's own questions.
    void looked(const UpstreamLook& look, core::Micros now_us);
    /// What is known of all upstreams together.
    struct Others {
        bool known = false;         // they have resolved the name before
        core::Micros names_us = 0;  // when one last answered with NOERROR; 0: never
        std::uint64_t absent = 0;   // NXDOMAIN since then
    };
    UpstreamState state(core::Micros now_us, const Others& others) const;
    const UpstreamLook& look() const { return look_; }
    /// It failed since it answered or was looked at last: it should be asked soon.
    bool doubtful() const { return failed_us_ > looked_us_ && silent_ + refused_ + servfail_ > 0; }

  private:
    core::UpstreamStats counted_;
    bool counts_ = false;
    std::uint64_t silent_ = 0, refused_ = 0, servfail_ = 0;  // since it last answered with a name or NXDOMAIN
    core::Micros failed_us_ = 0;                             // the last of them
    UpstreamLook look_;
    core::Micros looked_us_ = 0;
    int silent_looks_ = 0;   // in a row
    bool resolved_ = false;  // the name that exists once had an address here: it is no server for private names alone
};

struct UpstreamSeen {
    core::SocketAddress server;
    UpstreamState state = UpstreamState::kUnknown;
    std::optional<core::IpAddress> one;  // of kOneAddress
};

class UpstreamWatch {
  public:
    static constexpr core::Micros kRecent = 5 * core::kMinute;
    static constexpr core::Micros kEvery = 15 * core::kSecond;  // one server
    static constexpr core::Micros kSoon = core::kSecond;        // one in doubt

    /// Asks a server; `done` runs later on the loop.
    class Asker {
      public:
        virtual ~Asker() = default;
        virtual void ask(const core::SocketAddress& server, const std::string& name,
                         std::function<void(UpstreamLook)> done) = 0;
    };

    UpstreamWatch(core::Clock& clock, Asker& asker);
    ~UpstreamWatch();

    /// The servers in use; one that stays keeps its record.
    void use(const std::vector<core::SocketAddress>& servers);
    /// A name that upstreams of this host have resolved: it is asked for from now on, in place of one that every public
    /// resolver has, and a server that denies it is in trouble.
    void know(const std::string& name);
    void start();
    void stop();
    /// The resolver's record of now, with the counters of each server. To be called often: what happened between two
    /// calls is one event.
    void sample(const core::StatsPage& page, const std::map<core::SocketAddress, core::UpstreamStats>& counters);

    std::vector<UpstreamSeen> seen() const;

  private:
    void ask_next();
    /// Where failures are newer than what was seen, else in turn.
    core::SocketAddress next_server();
    bool in_doubt() const;

    core::Clock& clock_;
    Asker& asker_;
    std::vector<core::SocketAddress> servers_;
    std::string name_ = "aliyun.com";
    std::map<core::SocketAddress, UpstreamRecord> records_;
    std::size_t next_ = 0;
    std::uint64_t start_id_ = 0;
    std::uint64_t found_ = 0, absent_ = 0;  // NOERROR and NXDOMAIN of all upstreams, as last counted
    UpstreamRecord::Others others_;
    bool started_ = false, asking_ = false;
    core::Timer timer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// In libuv's thread pool.
class PoolAsker final : public UpstreamWatch::Asker {
  public:
    explicit PoolAsker(core::Loop& loop) : loop_(loop) {}
    void ask(const core::SocketAddress& server, const std::string& name,
             std::function<void(UpstreamLook)> done) override;

  private:
    core::Loop& loop_;
};

}  // namespace postern::agent
