// SPDX-License-Identifier: Apache-2.0
// Counts what discovery tells of its addresses; holds none of them for working.
#pragma once

#include "agent/discovery/endpoint_sync.h"

namespace postern::test {

struct CountingListener : agent::EndpointSync::Listener {
    int changes = 0, saves = 0;

    void on_addresses(const std::string&, const agent::EndpointSet&) override { ++changes; }
    void save_addresses() override { ++saves; }
    bool may_work(const core::IpAddress&) const override { return false; }
};

}  // namespace postern::test
