// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/store_session.h"

namespace postern::agent {
namespace {

constexpr core::Micros kLookForInterruption = 100 * core::kMillisecond;

}  // namespace

StoreSession::StoreSession(const Config& config)
    : lookup_(loop_, clock_),
      cloud_(loop_, clock_, random_, lookup_, config.aliyun),
      store_(clock_, cloud_.http, *cloud_.credentials, cloud_.metadata, process_environment()) {
    lookup_.set_upstreams(upstreams_of(config));
    store_.configure(store_options(config));
    keep_turning();
}

bool StoreSession::sleep(core::Micros us) {
    const core::Micros until = clock_.mono_us() + us;
    return wait([this, until] { return clock_.mono_us() >= until; });
}

/// A signal only sets a flag: the loop must wake up to see it.
void StoreSession::keep_turning() {
    turn_.start_in(kLookForInterruption, [this] { keep_turning(); });
}

}  // namespace postern::agent
