// One signed call of an Alibaba Cloud RPC API: region, credentials, host, signature, retries, throttling, clock.
// Parameters go in the query, the body stays empty, as the official SDK does; every attempt is signed afresh. Loop thread.
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
    std::string region;        // "": asked of the metadata service
    std::string api_endpoint;  // "https://host[:port]", for every product; one of the cloud's own hosts stands for
                               // that product's host in its place. "": by region
    std::string ca_file;       // "": the system's
};

struct AliyunProduct {
    std::string name;     // of the host: "privatelink", "ecs"
    std::string version;  // "2020-04-15"
};

class AliyunApi {
  public:
    using Callback = std::function<void(core::Result<JsonView>)>;
    /// The words for a refusal, in place of explain()'s: commands have other advice than the poll.
    using Explain = std::function<core::Error(const ApiError&, const ApiContext&)>;

    AliyunApi(core::Clock& clock, core::Random& random, HttpTransport& http, CredentialChain& credentials,
              MetadataClient& metadata, AliyunOptions options);
    /// Cancels what is under way: no callback runs after it.
    ~AliyunApi();

    void configure(AliyunOptions options);
    /// Exactly one callback. RegionId is added to the parameters. `resource` names the thing asked about in error texts
    /// ("endpoint ep-…"). Transient failures are retried within about half a minute, with the same parameters: a
    /// ClientToken makes that safe for writes. A DryRun that passed, which the API reports as an error, is a success.
    void call(const AliyunProduct& product, const std::string& action, NameValues parameters,
              const std::string& resource, Callback done, Explain explain = {});

    RequestCounts requests() const;
    core::Micros clock_offset_us() const;
    std::string region() const;
    /// Until when the API wants to be left alone (monotonic), 0 if it does not say.
    core::Micros not_before_mono_us() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace postern::agent
