// Keeps the endpoint sets of all links: polls the provider, survives its failures, remembers on disk.
// Passive towards the rest: it calls on_change when a link's set changed (or was first known) and on_status when what
// it has to say changed. One object, owned by the app, loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/cloud/provider.h"
#include "agent/config.h"
#include "core/backoff.h"
#include "core/clock.h"

namespace postern::agent {

class SnapshotStore;

/// What discovery knows about one link; for status, metrics, doctor.
struct DiscoveryStatus {
    bool known = false;                 // a set is known (API, snapshot or fixed addresses)
    std::string source;                 // "api" | "snapshot" | "fixed" | "none"
    EndpointSet addresses;
    Micros confirmed_wall_us = 0;       // last time the source said exactly this
    Micros changed_wall_us = 0;
    std::string request_id;             // of the confirming reply
    std::string waiting_for;            // why_not_ready(), "" when addresses are ready
    std::optional<core::Error> error;   // of the last poll; cleared by a success
    Micros error_since_wall_us = 0;
    std::vector<EndpointReport> reports;
};

struct DiscoveryCounters {
    std::map<std::pair<std::string, std::string>, std::uint64_t> requests;  // {action, code}; code "ok" or the API's
    std::uint64_t changes = 0;
    Micros last_success_wall_us = 0;
};

}  // namespace postern::agent
