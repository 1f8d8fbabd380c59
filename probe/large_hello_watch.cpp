// SPDX-License-Identifier: Apache-2.0
#include "probe/large_hello_watch.h"

#include <utility>

#include "probe/large_hello.h"

namespace postern::probe {
namespace {

constexpr core::Micros kEvery = core::kHour;
constexpr core::Micros kKept = 2 * core::kHour;

}  // namespace

std::unique_ptr<RunningProbe> LargeHelloWatch::launch(const ProbeTarget& target, ProbeDone done) {
    return attempts_.launch(target, [this, target, done = std::move(done)](ProbeResult result) {
        ended(target, result);
        done(std::move(result));
    });
}

void LargeHelloWatch::ended(const ProbeTarget& target, ProbeResult& result) {
    const core::Micros now = clock_.mono_us();
    const Place place{target.ip, target.spec->port, target.spec->server_name};
    const auto known = seen_.find(place);
    if (known != seen_.end() && now - known->second.sent_us < kKept) result.large_hello = known->second.fate;
    const bool due = known == seen_.end() || now - known->second.sent_us >= kEvery;
    if (!due || sending_ || !small_hello_passed(result)) return;
    std::erase_if(seen_, [&](const auto& entry) { return now - entry.second.sent_us >= kKept; });
    seen_[place].sent_us = now;
    sending_ = send_(target, [this, place](HandshakeFate fate) {
        seen_[place].fate = fate;
        sending_.reset();
    });
}

}  // namespace postern::probe
