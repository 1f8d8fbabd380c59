// SPDX-License-Identifier: Apache-2.0
// Alibaba Cloud PrivateLink (API version 2020-04-15) as a Provider: GetVpcEndpointAttribute, then every page of
// ListVpcEndpointZones (the only call that returns addresses). For a search (endpoint_query.h) instead of an ID:
// ListVpcEndpoints, then the zones of each endpoint found (at most 20).
//
// Host: api_endpoint if set; else the regional VPC host (needs no public egress), and the public one if that can't be
// resolved or reached. Transient failures are retried with jittered backoff inside one describe_endpoint(); a lasting
// failure is an error whose hint names the fix. Owned by the app, loop thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/cloud/aliyun_api.h"
#include "agent/endpoint/provider.h"
#include "core/message.h"

namespace postern::agent {

class AliyunPrivatelink final : public Provider {
  public:
    AliyunPrivatelink(core::Clock& clock, core::Random& random, HttpTransport& http, CredentialChain& credentials,
                      MetadataClient& metadata, AliyunOptions options);
    /// Cancels descriptions in progress: no callback runs after it.
    ~AliyunPrivatelink() override;

    /// For a reload; descriptions in progress finish with the old options.
    void configure(AliyunOptions options);
    void describe_endpoint(const std::string& endpoint_id, Callback done) override;
    RequestCounts requests() const override;
    core::Micros not_before_mono_us() const override;
    core::Message clock_problem() const override;
    /// Server time minus ours, learned from a refused date; 0 until a date is refused.
    core::Micros clock_offset_us() const;
    /// The region in use, "" until it is known.
    std::string region() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace postern::agent
