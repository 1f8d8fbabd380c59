// SPDX-License-Identifier: Apache-2.0
#include "agent/client/probe_round.h"

#include <memory>
#include <optional>

#include "probe/large_hello.h"

namespace postern::agent {

using probe::ProbeResult;
using probe::ProbeTarget;

namespace {

constexpr std::size_t kAtOnce = 32;

class Round {
  public:
    Round(core::Loop& loop, probe::NetworkLauncher& launcher, const std::vector<ProbeTarget>& targets)
        : loop_(loop), launcher_(launcher), targets_(targets), running_(targets.size()), results_(targets.size()) {}

    std::vector<ProbeResult> run() {
        while (done_ < targets_.size()) {
            while (next_ < targets_.size() && next_ - done_ < kAtOnce)
                start(next_++);
            loop_.run_once();
        }
        std::vector<ProbeResult> out;
        for (auto& r : results_)
            out.push_back(std::move(*r));
        return out;
    }

  private:
    void start(std::size_t i) {
        running_[i] = launcher_.launch(targets_[i], [this, i](ProbeResult result) {
            results_[i] = std::move(result);
            ++done_;
        });
    }

    core::Loop& loop_;
    probe::NetworkLauncher& launcher_;
    const std::vector<ProbeTarget>& targets_;
    std::vector<std::unique_ptr<probe::RunningProbe>> running_;
    std::vector<std::optional<ProbeResult>> results_;
    std::size_t next_ = 0, done_ = 0;
};

}  // namespace

std::vector<ProbeResult> probe_each(core::Loop& loop, probe::NetworkLauncher& launcher,
                                    const std::vector<ProbeTarget>& targets) {
    return Round(loop, launcher, targets).run();
}

void send_large_hellos(core::Loop& loop, core::Clock& clock, const std::vector<ProbeTarget>& targets,
                       std::vector<ProbeResult>& results) {
    std::vector<std::unique_ptr<probe::RunningProbe>> running;
    std::size_t done = 0;
    for (std::size_t i = 0; i < targets.size() && running.size() < kAtOnce; ++i) {
        if (!probe::small_hello_passed(results[i])) continue;
        running.push_back(probe::send_large_hello(loop, clock, targets[i], [&, i](probe::HandshakeFate fate) {
            results[i].large_hello = fate;
            ++done;
        }));
    }
    while (done < running.size())
        loop.run_once();
}

}  // namespace postern::agent
