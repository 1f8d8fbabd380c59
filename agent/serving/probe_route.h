// SPDX-License-Identifier: Apache-2.0
// GET /probe?target=LINK[&address=IP]: a fresh probe for Prometheus, with blackbox_exporter's metrics.
//
// The result goes only to the requester: no record, no verdict. Verdicts count scheduled attempts and depend on their
// rate; if scrapes counted, three quick ones could take an address out of DNS, and any client with read access could
// change answers. Without `address` every address is probed: success is the link's policy over them, the other values
// are those of the first address in the order of the DNS answer that passed (of the first, if none did). Owned by the
// app, loop thread only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/serving/http_server.h"
#include "agent/serving/probe_text.h"
#include "agent/serving/served_agent.h"
#include "core/clock.h"
#include "probe/probe_launcher.h"

namespace postern::agent {

struct ProbeRouteLimits {
    std::size_t in_flight = 16;  // requests
    int burst = 10;              // per link
    core::Micros refill_us = core::kSecond / 2;
};

class ProbeRoute {
  public:
    ProbeRoute(core::Clock& clock, probe::ProbeLauncher& launcher, ServedAgent& agent, ProbeRouteLimits limits = {});

    HttpReply answer(const HttpQuery& query);
    std::size_t in_flight() const { return in_flight_; }

  private:
    class Work;
    struct Bucket {
        int used = 0;
        core::Micros since_us = 0;  // when `used` was last reduced
    };

    /// 0: allowed. Else how long to wait.
    core::Micros take_turn(const std::string& link);

    core::Clock& clock_;
    probe::ProbeLauncher& launcher_;
    ServedAgent& agent_;
    ProbeRouteLimits limits_;
    std::map<std::string, Bucket> buckets_;  // of configured links
    std::size_t in_flight_ = 0;
};

/// How long a probe may take for a scraper that waits `header` seconds: half a second less, as in blackbox_exporter,
/// or half of it if that is more. nullopt: not a time.
std::optional<core::Micros> scrape_budget_us(const std::string& header);

}  // namespace postern::agent
