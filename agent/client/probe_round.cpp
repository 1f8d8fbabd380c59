// SPDX-License-Identifier: Apache-2.0
#include "agent/client/probe_round.h"

#include <memory>
#include <optional>

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

}  // namespace postern::agent
