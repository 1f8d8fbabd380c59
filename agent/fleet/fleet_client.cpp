// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/fleet_client.h"

namespace postern::agent {

StoreOptions store_options(const Config& config) {
    return {.endpoint = config.fleet.endpoint,
            .region = config.fleet.region.empty() && !config.fleet.list_url.starts_with("s3:") ? config.aliyun.region
                                                                                               : config.fleet.region,
            .ca_file = config.fleet.ca_file,
            .anonymous = config.fleet.anonymous};
}

FleetClient::FleetClient(core::Clock& clock, core::Random& random, CloudStack& cloud)
    : store(clock, cloud.http, *cloud.credentials, cloud.metadata, process_environment()),
      reader(clock, random, store, *this),
      source(clock, random, cloud.privatelink, [&cloud] { return cloud.metadata.known_identity().vpc; }),
      report(clock, random, store),
      watch(clock, store) {
    source.use(reader);
}

void FleetClient::configure(const Config& config) {
    store.configure(store_options(config));
    reader.configure(config.fleet);
    source.configure(config.fleet);
    report.configure(config.fleet);
    watch.configure(config.fleet);
}

void FleetClient::start() {
    reader.start();
    report.start();
}

void FleetClient::stop() {
    reader.stop();
    report.stop();
}

void FleetClient::list_news() {
    source.list_news();
    newer();
}

}  // namespace postern::agent
