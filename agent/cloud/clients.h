// SPDX-License-Identifier: Apache-2.0
// The clients of the cloud, wired as the agent and its commands need them. Each user has its own, on its loop.
#pragma once

#include <memory>

#include "agent/cloud/aliyun_privatelink.h"
#include "agent/cloud/credentials.h"
#include "agent/cloud/metadata.h"
#include "agent/config/config.h"
#include "agent/net/http_client.h"
#include "agent/net/lookup.h"
#include "agent/net/process_runner.h"

namespace postern::agent {

/// True where the API or the metadata service is configured on this host: a stand-in, whose endpoints may be, too.
bool is_stand_in(const AliyunConfig& config);

struct CloudStack {
    /// Names are resolved by `lookup`, never by the host's resolver.
    CloudStack(core::Loop& loop, core::Clock& clock, core::Random& random, Lookup& lookup, const AliyunConfig& config);
    /// For a reload: everything but metadata_url, which takes effect at the next start.
    void configure(const AliyunConfig& config);

    HttpClient http;
    MetadataClient metadata;
    ProcessRunner runner;
    std::unique_ptr<CredentialChain> credentials;
    AliyunPrivatelink privatelink;
};

}  // namespace postern::agent
