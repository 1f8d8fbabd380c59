// SPDX-License-Identifier: Apache-2.0
#include "probe/large_hello.h"

#include <utility>

namespace postern::probe {
namespace {

class LargeHello final : public RunningProbe {
  public:
    LargeHello(core::Loop& loop, core::Clock& clock, ProbeTarget target, HandshakeRun::Done done)
        : loop_(loop), clock_(clock), target_(std::move(target)), done_(std::move(done)) {
        run_ = std::make_unique<HandshakeRun>(loop_, clock_, target_, HandshakeShape{HelloSize::kLarge},
                                              [this](HandshakeFate fate) { large_ended(fate); });
    }

  private:
    void large_ended(HandshakeFate fate) {
        if (fate == HandshakeFate::kPassed || fate == HandshakeFate::kUnknown) return end(fate);
        large_ = fate;
        // The first run is still in the call: it is destroyed with this object.
        control_ = std::make_unique<HandshakeRun>(
            loop_, clock_, target_, HandshakeShape{HelloSize::kSmall},
            [this](HandshakeFate small) { end(small == HandshakeFate::kPassed ? large_ : HandshakeFate::kUnknown); });
    }
    void end(HandshakeFate fate) {
        const HandshakeRun::Done done = std::exchange(done_, {});
        done(fate);
    }

    core::Loop& loop_;
    core::Clock& clock_;
    ProbeTarget target_;
    HandshakeRun::Done done_;
    HandshakeFate large_ = HandshakeFate::kUnknown;
    std::unique_ptr<HandshakeRun> run_, control_;
};

}  // namespace

bool small_hello_passed(const ProbeResult& result) {
    return !result.tls_version.empty() && (result.ok || result.phase > Phase::kTls);
}

std::unique_ptr<RunningProbe> send_large_hello(core::Loop& loop, core::Clock& clock, const ProbeTarget& target,
                                               HandshakeRun::Done done) {
    return std::make_unique<LargeHello>(loop, clock, target, std::move(done));
}

}  // namespace postern::probe
