// Alibaba Cloud PrivateLink (API version 2020-04-15) as a Provider: GetVpcEndpointAttribute, then every page of
// ListVpcEndpointZones (the only call that gives addresses). Requests are POST with everything in the query and an empty
// body, as the official SDK sends them; each attempt has its own date, nonce and signature. A key of endpoint_query.h
// instead of an ID: ListVpcEndpoints, then the zones of each that was found (at most 20).
//
// Host: api_endpoint if set; else the regional VPC host (needs no public egress), and the public one when that can't be
// resolved or reached. Transient failures are retried with jittered backoff inside one describe_endpoint(); what lasts is
// reported as an error whose hint names the fix. Owned by the app, loop thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/cloud/aliyun_api.h"
#include "agent/endpoint/provider.h"

namespace postern::agent {

class AliyunPrivatelink final : public Provider {
  public:
    AliyunPrivatelink(core::Clock& clock, core::Random& random, HttpTransport& http, CredentialChain& credentials,
                      MetadataClient& metadata, AliyunOptions options);
    /// Cancels what is under way: no callback runs after it.
    ~AliyunPrivatelink() override;

    /// For a reload; running descriptions end with the old options.
    void configure(AliyunOptions options);
    void describe_endpoint(const std::string& endpoint_id, Callback done) override;
    RequestCounts requests() const override;
    core::Micros not_before_mono_us() const override;
    std::vector<std::string> warnings() const override;
    /// Server time minus ours as learned from a refused date; 0 while nobody complained.
    core::Micros clock_offset_us() const;
    /// The region in use, "" before it is known.
    std::string region() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace postern::agent
