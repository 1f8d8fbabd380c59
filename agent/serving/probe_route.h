// GET /probe?target=LINK[&address=IP]: a fresh probe for Prometheus, in the words of blackbox_exporter.
//
// What it finds is told to who asked and to nobody else: it is no record and no verdict. Verdicts count
// attempts of the schedule, whose pace they rely on; if scrapes counted too, three quick ones could take an
// address out of DNS, and whoever may read could steer. Without `address` every address is probed: success is
// the link's policy over them, the figures are those of the first address in the order of the DNS answer that
// passed (of the first, when none did). Owned by the app, loop thread only.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/serving/http_server.h"
#include "agent/serving/probe_text.h"
#include "core/clock.h"
#include "probe/probe_launcher.h"

namespace postern::agent {

struct ProbeRouteLimits {
    std::size_t in_flight = 16;  // requests
    int burst = 10;              // of one link
    core::Micros refill_us = core::kSecond / 2;
};

class ProbeRoute {
  public:
    struct Link {
        probe::LinkPolicy policy = probe::LinkPolicy::kAny;
        std::vector<probe::ProbeTarget> targets;  // in the order of the DNS answer, then the ones that are not in it
    };
    struct Sources {
        std::function<std::optional<Link>(const std::string& name)> link;
        std::function<std::vector<std::string>()> names;
    };

    ProbeRoute(core::Clock& clock, probe::ProbeLauncher& launcher, Sources sources, ProbeRouteLimits limits = {});

    HttpReply answer(const HttpQuery& query);
    std::size_t in_flight() const { return in_flight_; }

  private:
    class Work;
    struct Bucket {
        int used = 0;
        core::Micros since_us = 0;  // when `used` was last reduced
    };

    /// 0: go on. Else how long to wait.
    core::Micros take_turn(const std::string& link);

    core::Clock& clock_;
    probe::ProbeLauncher& launcher_;
    Sources sources_;
    ProbeRouteLimits limits_;
    std::map<std::string, Bucket> buckets_;  // of configured links
    std::size_t in_flight_ = 0;
};

/// How long a probe may take for a scraper that waits `header` seconds: half a second less, as
/// blackbox_exporter does, or half of it where that is more. nullopt: not a time.
std::optional<core::Micros> scrape_budget_us(const std::string& header);

}  // namespace postern::agent
