// SPDX-License-Identifier: Apache-2.0
// The list's store, reader and source, and this host's report and the others', wired as the agent and its commands need them.
// Each user has its own, on its loop.
#pragma once

#include "agent/cloud/clients.h"
#include "agent/fleet/fleet_watch.h"
#include "agent/fleet/listed_source.h"
#include "agent/fleet/report_writer.h"

namespace postern::agent {

/// The settings of the store in [fleet], with what [aliyun] says where that says nothing.
StoreOptions store_options(const Config& config);

class FleetClient final : private ListReader::Listener {
  public:
    FleetClient(core::Clock& clock, core::Random& random, CloudStack& cloud);

    /// At the start and for a reload, before what polls the source.
    void configure(const Config& config);

    ObjectStore store;
    ListReader reader;
    ListedSource source;
    ReportWriter report;
    FleetWatch watch;
    void start();
    void stop();

    /// Another list is in use: its number should be saved.
    std::function<void()> newer = [] {};

  private:
    void list_news() override;
};

}  // namespace postern::agent
