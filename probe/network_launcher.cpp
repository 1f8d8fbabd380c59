// SPDX-License-Identifier: Apache-2.0
// NetworkLauncher: an attempt begins when its TLS context is loaded (in libuv's pool).
#include "probe/detail.h"
#include "probe/excerpt.h"
#include "probe/probe_run.h"

namespace postern::probe {
namespace {

/// Waits for the TLS context, then starts a ProbeRun, or reports that the attempt can't be made.
class Launched final : public RunningProbe {
  public:
    Launched(core::Loop& loop, core::Clock& clock, TlsContexts& contexts, const ProbeTarget& target, ProbeDone done)
        : clock_(clock), timer_(clock), alive_(std::make_shared<bool>(true)) {
        contexts.get(target.spec->ca_file, [this, alive = alive_, &loop, target = target, done = std::move(done)](
                                               const core::Result<std::shared_ptr<const TlsContext>>& context) mutable {
            if (!*alive) return;
            if (context) {
                run_ = std::make_unique<ProbeRun>(loop, clock_, *context, std::move(target), std::move(done));
            } else {
                refuse(target, context.error(), std::move(done));
            }
        });
    }
    ~Launched() override { *alive_ = false; }

  private:
    void refuse(const ProbeTarget& target, const core::Error& error, ProbeDone done) {
        ProbeResult result = begin_result(target, clock_.wall_us());
        result.phase = Phase::kTls;
        result.reason = Reason::kLocalCancelled;
        result.detail = detail_message(core::message("not attempted, the CA file can't be used: {}", error.whole()));
        timer_.start_in(0, [result = std::move(result), done = std::move(done)] { done(result); });
    }

    core::Clock& clock_;
    core::Timer timer_;
    std::shared_ptr<bool> alive_;
    std::unique_ptr<ProbeRun> run_;
};

}  // namespace

std::unique_ptr<RunningProbe> NetworkLauncher::launch(const ProbeTarget& target, ProbeDone done) {
    if (target.spec->kind == Kind::kTcp) {
        return std::make_unique<ProbeRun>(loop_, clock_, nullptr, target, std::move(done));
    }
    if (auto context = contexts_.loaded(target.spec->ca_file)) {
        return std::make_unique<ProbeRun>(loop_, clock_, std::move(context), target, std::move(done));
    }
    return std::make_unique<Launched>(loop_, clock_, contexts_, target, std::move(done));
}

}  // namespace postern::probe
