// SPDX-License-Identifier: Apache-2.0
// `compare`: the same SQL on a link's public gateway, at a low rate: every `compare_interval`, once when the
// link's state is first known, and at once when no private address works any more; at most one a minute and one at
// a time. It does not affect answers or verdicts. Owned by Steering, loop thread only. Destroying it cancels a
// request in progress.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/net/lookup.h"
#include "agent/status/compare_finding.h"
#include "core/random.h"
#include "probe/probe_launcher.h"

namespace postern::agent {

struct CompareSettings {
    std::string link;
    std::string host;
    std::uint16_t port = 443;
    core::Micros interval_us = 0;
    std::shared_ptr<const probe::ProbeSpec> spec;  // the link's: statement, token, CA file
};

class Comparisons {
  public:
    static constexpr core::Micros kMinBetween = core::kMinute;

    Comparisons(core::Clock& clock, core::Random& random, probe::ProbeLauncher& launcher, Lookup& lookup);
    ~Comparisons();

    /// Replaces all links; a link that still compares with the same gateway keeps its state.
    void configure(std::vector<CompareSettings> settings);
    void start();
    void stop();

    /// The private state: after each result and each change of addresses.
    void set_private(const std::string& link, PrivateView view, std::vector<core::IpAddress> addresses);
    /// A private result: its total time counts for the median.
    void add_private(const probe::ProbeResult& result);

    /// nullptr if the link does not compare.
    const CompareStatus* find(const std::string& link) const;

  private:
    class One;

    core::Clock& clock_;
    core::Random& random_;
    probe::ProbeLauncher& launcher_;
    Lookup& lookup_;
    bool started_ = false;
    std::map<std::string, std::unique_ptr<One>> links_;
};

}  // namespace postern::agent
