// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/clients.h"

#include <utility>

namespace postern::agent {
namespace {

AliyunOptions options_of(const AliyunConfig& config) {
    return {config.region, config.api_endpoint, config.ca_file};
}

bool is_here(const std::string& url) {
    const auto parts = split_url(url);
    return parts && is_loopback_host(parts->host);
}

}  // namespace

bool is_stand_in(const AliyunConfig& config) {
    return is_here(config.api_endpoint) || is_here(config.metadata_url);
}

CloudStack::CloudStack(core::Loop& loop, core::Clock& clock, core::Random& random, Lookup& lookup,
                       const AliyunConfig& config)
    : http(loop, clock, lookup, process_environment()),
      metadata(clock, http, {config.metadata_url, is_true(process_environment()("ALIBABA_CLOUD_IMDSV1_DISABLED"))}),
      runner(loop, clock, process_environment()),
      credentials(default_credential_chain(
          clock, random, http, metadata, process_environment(),
          {.ca_file = config.ca_file,
           .run = [this](auto argv, auto done) { runner.run(std::move(argv), std::move(done)); }})),
      privatelink(clock, random, http, *credentials, metadata, options_of(config)) {}

void CloudStack::configure(const AliyunConfig& config) {
    privatelink.configure(options_of(config));
}

}  // namespace postern::agent
