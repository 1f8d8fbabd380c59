// SPDX-License-Identifier: Apache-2.0
// One signed call of an Alibaba Cloud RPC API: region, credentials, host, signature, retries, throttling, clock
// offset. Parameters go in the query and the body is empty, as in the official SDK; every attempt gets a new
// signature. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/cloud/acs3_signer.h"
#include "agent/cloud/credentials.h"
#include "agent/cloud/metadata.h"
#include "agent/endpoint/provider.h"
#include "agent/net/http_transport.h"
#include "agent/text/json_view.h"
#include "core/random.h"

namespace postern::agent {

struct ApiError;
struct ApiContext;

struct AliyunOptions {
    std::string region;  // "": from the metadata service
    // "https://host[:port]", for every product; a regional host of the cloud is replaced by that product's host.
    // "": by region
    std::string api_endpoint;
    std::string ca_file;  // "": the system's
};

struct AliyunProduct {
    std::string name;     // as in the host name: "privatelink", "ecs"
    std::string version;  // "2020-04-15"
    // Hosts of a product that is the same in all regions, from inside a VPC and from outside. "": by name and region
    std::string inside = {}, outside = {};
};

class AliyunApi {
  public:
    using Callback = std::function<void(core::Result<JsonView>)>;
    /// Error text for a refusal, instead of explain()'s: commands give other advice than the poll does.
    using Explain = std::function<core::Error(const ApiError&, const ApiContext&)>;

    AliyunApi(core::Clock& clock, core::Random& random, HttpTransport& http, CredentialChain& credentials,
              MetadataClient& metadata, AliyunOptions options);
    /// Cancels calls in progress: no callback runs after it.
    ~AliyunApi();

    void configure(AliyunOptions options);
    /// Exactly one callback. RegionId is added to the parameters. `resource` names the subject in error texts
    /// ("endpoint ep-…"). Transient failures are retried for about half a minute with the same parameters: a
    /// ClientToken makes that safe for writes. A DryRun that passed, which the API reports as an error, is a success.
    void call(const AliyunProduct& product, const std::string& action, NameValues parameters,
              const std::string& resource, Callback done, Explain explain = {});

    RequestCounts requests() const;
    core::Micros clock_offset_us() const;
    std::string region() const;
    /// Monotonic time before which the API wants no more requests, 0 if it does not say.
    core::Micros not_before_mono_us() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace postern::agent
