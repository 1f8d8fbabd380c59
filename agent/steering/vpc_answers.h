// SPDX-License-Identifier: Apache-2.0
// Asks the VPC's DNS (the upstreams) for the names that links only verify, every half a minute, and says when the
// comparison with the endpoint's addresses turns. It does not affect answers or verdicts. Owned by Steering, loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/net/lookup.h"
#include "agent/status/vpc_answer.h"
#include "core/random.h"

namespace postern::agent {

class VpcAnswers {
  public:
    static constexpr core::Micros kEvery = 30 * core::kSecond;
    static constexpr core::Micros kRetry = 10 * core::kSecond;
    /// With many links each is asked less often: at most this many questions a second.
    static constexpr int kMaxPerSecond = 20;

    /// `discovery`: what is known about a link's addresses now.
    VpcAnswers(core::Clock& clock, core::Random& random, Lookup& lookup,
               std::function<DiscoveryStatus(const std::string& link)> discovery);
    ~VpcAnswers();

    /// Replaces all links by those of these that are verify only; one with the same name and host keeps its state.
    void configure(const std::vector<LinkConfig>& links);
    void start();
    void stop();
    /// Asks about all of them now (a refresh).
    void ask_now();
    /// The link's addresses changed.
    void compare(const std::string& link);

    /// Judged against the addresses of now; nullopt if the link's name is not only verified.
    std::optional<VpcAnswer> find(const std::string& link) const;

  private:
    class One;

    core::Micros pause(core::Micros least) const;

    core::Clock& clock_;
    core::Random& random_;
    Lookup& lookup_;
    std::function<DiscoveryStatus(const std::string&)> discovery_;
    bool started_ = false;
    std::map<std::string, std::unique_ptr<One>> links_;
};

}  // namespace postern::agent
