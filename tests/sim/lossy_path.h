// SPDX-License-Identifier: Apache-2.0
// How long an attempt takes over a path that loses packets, each for itself, and whether it ends in time. TCP as Linux has
// it: a lost SYN or SYN+ACK costs 1 s, then 2 s; a lost packet of data 200 ms, then twice as long each time. Without the tail loss
// probes and fast retransmissions that make real connections faster: what is simulated is the worse case.
#pragma once

#include <algorithm>

#include "core/clock.h"
#include "core/random.h"
#include "probe/probe_types.h"
#include "tests/sim/fake_prober.h"

namespace postern::test {

class LossyPath {
  public:
    /// `loss`: the share of packets, 0 to 1, in either direction.
    LossyPath(core::Random& random, double loss) : random_(random), loss_(loss) {}

    FakeProber::Outcome attempt(const probe::ProbeSpec& spec) {
        core::Micros took = opened();
        if (took > spec.connect_timeout_us) return {probe::Reason::kTcpTimeout, spec.connect_timeout_us};
        took += sent(1) + sent(3);  // hello; the server's, its certificate, its signature
        if (took > spec.timeout_us) return {probe::Reason::kTlsTimeout, spec.timeout_us};
        took += sent(2) + sent(2);  // request; reply
        if (took > spec.timeout_us) return {probe::Reason::kHttpTimeout, spec.timeout_us};
        return {probe::Reason::kNone, took};
    }

  private:
    static constexpr core::Micros kOneWay = core::kMillisecond;
    static constexpr core::Micros kSynTimeout = core::kSecond, kDataTimeout = 200 * core::kMillisecond;

    bool lost() { return static_cast<double>(random_.below(1'000'000)) < loss_ * 1e6; }
    /// SYN and SYN+ACK.
    core::Micros opened() {
        core::Micros took = 2 * kOneWay;
        for (core::Micros timeout = kSynTimeout; lost() || lost(); timeout *= 2)
            took += timeout;
        return took;
    }
    /// All of `packets` in one direction.
    core::Micros sent(int packets) {
        core::Micros longest = 0;
        for (int i = 0; i < packets; ++i) {
            core::Micros took = 0;
            for (core::Micros timeout = kDataTimeout; lost(); timeout *= 2)
                took += timeout;
            longest = std::max(longest, took);
        }
        return kOneWay + longest;
    }

    core::Random& random_;
    double loss_;
};

}  // namespace postern::test
