// SPDX-License-Identifier: Apache-2.0
// The list as a source of addresses, before the API: what the list has is answered from it, and the API is not asked. What
// it lacks, and everything once it is past its time, is asked of the API, slowly: a list that is lost is lost for all hosts
// at once, and they have addresses. Owned by the app, loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/fleet/list_reader.h"
#include "core/backoff.h"

namespace postern::agent {

class ListedSource final : public Provider {
  public:
    static constexpr Micros kSlow = 10 * core::kMinute;  // between questions to the API about one source

    /// `vpc`: this host's, "" while it is not known; for a search without one.
    ListedSource(core::Clock& clock, core::Random& random, Provider& api, std::function<std::string()> vpc);
    ~ListedSource() override;

    /// Before the first question.
    void use(const ListReader& reader) { reader_ = &reader; }
    /// For a reload.
    void configure(const FleetConfig& config);
    /// The list has changed, or the first attempt for it has failed.
    void list_news();

    void describe_endpoint(const std::string& key, Callback done) override;
    void forget(const std::string& key) override;
    void when_news(std::function<void(const std::string& key)> tell) override { tell_ = std::move(tell); }
    RequestCounts requests() const override;
    core::Micros not_before_mono_us() const override { return api_.not_before_mono_us(); }
    SourcePace pace(const std::string& key) const override;
    core::Message clock_problem() const override { return api_.clock_problem(); }

  private:
    struct Known {
        std::optional<EndpointReport> last;  // the API's
        Micros next_mono_us = 0;             // the API is not asked before
        core::Backoff backoff{5 * core::kSecond, kSlow};
    };

    bool listing() const;
    std::string listed_key(const std::string& key) const;
    const EndpointReport* in_list(const std::string& key) const;
    core::Error why_not_listed(const std::string& key) const;
    void ask_api(const std::string& key, Callback done);
    void answered(Known& known, const core::Result<EndpointReport>& report);

    core::Clock& clock_;
    core::Random& random_;
    Provider& api_;
    std::function<std::string()> vpc_;
    const ListReader* reader_ = nullptr;
    FleetConfig config_;
    std::map<std::string, Known> known_;
    std::map<std::string, Callback> waiting_;  // for the first attempt
    std::function<void(const std::string&)> tell_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace postern::agent
