// SPDX-License-Identifier: Apache-2.0
// One Provider for every kind of source: endpoints of the API by ID, "target:NAME" resolved at the upstreams,
// "file:PATH" with a saved reply. Owned by the app, loop thread.
#pragma once

#include <memory>
#include <string>

#include "agent/discovery/zones_files.h"
#include "agent/endpoint/provider.h"
#include "agent/net/lookup.h"
#include "core/clock.h"
#include "core/message.h"

namespace postern::agent {

class DiscoverySources final : public Provider {
  public:
    /// `loop` null: see ZonesFiles. `loopback_taken`: see why_no_endpoint().
    DiscoverySources(core::Clock& clock, core::Loop* loop, Provider& api, Lookup& lookup, bool loopback_taken);
    /// No callback runs after it.
    ~DiscoverySources() override;

    /// For a reload.
    void configure(bool loopback_taken) { loopback_taken_ = loopback_taken; }

    void describe_endpoint(const std::string& key, Callback done) override;
    void forget(const std::string& key) override;
    void when_news(std::function<void(const std::string& key)> tell) override;
    RequestCounts requests() const override;
    core::Micros not_before_mono_us() const override { return api_.not_before_mono_us(); }
    SourcePace pace(const std::string& key) const override;
    core::Message clock_problem() const override { return api_.clock_problem(); }

  private:
    void follow(const std::string& name, Callback done);

    Provider& api_;
    Lookup& lookup_;
    ZonesFiles files_;
    RequestCounts counts_;
    bool loopback_taken_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace postern::agent
