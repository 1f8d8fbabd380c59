// SPDX-License-Identifier: Apache-2.0
// What the tests of whole attempts have in common.
#pragma once

#include <functional>
#include <utility>

#include "tests/unit/catch.h"
#include "tests/unit/probe/fake_gateway.h"

namespace postern::test {

/// The result of an attempt against a gateway with this script and certificate.
inline probe::ProbeResult against(FakeGateway::Script script, const LeafOptions& leaf = {},
                                  const std::function<void(probe::ProbeSpec&)>& change = {}) {
    FakeGateway gateway(test_ca().issue(leaf), std::move(script));
    probe::ProbeSpec spec = good_spec(gateway.port());
    if (change) change(spec);
    return run_probe(spec);
}

/// A script that ends in silence: the attempt's time is over once it has come as far.
inline probe::ProbeResult into_silence(FakeGateway::Script script,
                                       const std::function<void(probe::ProbeSpec&)>& change = {}) {
    FakeGateway gateway(test_ca().issue(), std::move(script));
    probe::ProbeSpec spec = good_spec(gateway.port());
    if (change) change(spec);
    return run_probe_into_silence(spec, gateway);
}

inline void check(const probe::ProbeResult& result, probe::Phase phase, probe::Reason reason) {
    INFO("detail: " << result.detail);
    CHECK(to_string(result.reason) == to_string(reason));
    CHECK(to_string(result.phase) == to_string(phase));
}

inline void hang(Connection& c) {
    c.wait_for_peer();
}

}  // namespace postern::test
