// SPDX-License-Identifier: Apache-2.0
// Adds to each result whether a large ClientHello gets through to the address (large_hello.h), as last seen. It is sent
// after an attempt whose handshake passed: to each address once an hour, and to one address at a time, so that neither
// gateways nor middleboxes see much of it, and a thousand new addresses are no burst. A detail only: postern's own
// requests get through, so no verdict depends on it. Owned by the agent, loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "core/clock.h"
#include "probe/probe_launcher.h"

namespace postern::probe {

class LargeHelloWatch final : public ProbeLauncher {
  public:
    /// As send_large_hello().
    using Send =
        std::function<std::unique_ptr<RunningProbe>(const ProbeTarget&, std::function<void(HandshakeFate)> done)>;

    /// `attempts` makes the attempts; it must outlive this object.
    LargeHelloWatch(core::Clock& clock, ProbeLauncher& attempts, Send send)
        : clock_(clock), attempts_(attempts), send_(std::move(send)) {}
    std::unique_ptr<RunningProbe> launch(const ProbeTarget& target, ProbeDone done) override;

  private:
    using Place = std::tuple<core::IpAddress, std::uint16_t, std::string>;  // address, port, name
    struct Seen {
        core::Micros sent_us = 0;
        HandshakeFate fate = HandshakeFate::kUnknown;
    };
    void ended(const ProbeTarget& target, ProbeResult& result);

    core::Clock& clock_;
    ProbeLauncher& attempts_;
    Send send_;
    std::map<Place, Seen> seen_;  // of the last two hours
    std::unique_ptr<RunningProbe> sending_;
};

}  // namespace postern::probe
