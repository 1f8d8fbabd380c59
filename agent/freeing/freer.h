// SPDX-License-Identifier: Apache-2.0
// When to ask for lost connections to be ended, and how many were: after each look that has found some, then every
// second while there are more than a second's limit. A program that connects to such an address again (some keep DNS
// answers) is found as soon as the bounds on looking allow. Owned by the app, loop thread only; asking runs in the pool.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/connections/connection_watch.h"
#include "agent/freeing/free_request.h"
#include "core/clock.h"
#include "core/loop.h"

namespace postern::agent {

/// Reaches postern-free: through its socket, or a test.
class FreeAsker {
  public:
    using Done = std::function<void(FreeReply)>;
    virtual ~FreeAsker() = default;
    /// Calls `done` once on the loop thread, never from inside.
    virtual void ask(FreeRequest request, Done done) = 0;
};

class SocketAsker final : public FreeAsker {
  public:
    SocketAsker(core::Loop& loop, std::string path) : loop_(loop), path_(std::move(path)) {}
    void ask(FreeRequest request, Done done) override;

  private:
    core::Loop& loop_;
    std::string path_;
};

class Freer {
  public:
    class Outside {
      public:
        virtual ~Outside() = default;
        virtual std::vector<FreeTarget> to_free() = 0;
        /// What the last look found is out of date soon: connections were ended, or are about to be stuck.
        virtual void look_soon() = 0;
    };

    Freer(core::Clock& clock, FreeAsker& asker, Outside& outside) : asker_(asker), outside_(outside), again_(clock) {}
    ~Freer() { *alive_ = false; }
    Freer(const Freer&) = delete;
    Freer& operator=(const Freer&) = delete;

    /// A look has ended.
    void looked(const ConnectionReport& report);
    void stop();
    /// How many were ended since the start.
    std::uint64_t freed(const ConnectionTarget& target) const;
    /// Why none can be ended; kNone: nothing is known to prevent it.
    FreeRefusal problem() const { return problem_; }

  private:
    void ask_next();
    void answered(const ConnectionTarget& target, const FreeReply& reply);

    FreeAsker& asker_;
    Outside& outside_;
    core::Timer again_;
    std::deque<ConnectionTarget> wanted_, later_;  // in this round; in the next second
    bool asking_ = false;
    FreeRefusal problem_ = FreeRefusal::kNone;
    std::map<ConnectionTarget, std::uint64_t> freed_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace postern::agent
