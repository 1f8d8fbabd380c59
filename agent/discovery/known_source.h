// SPDX-License-Identifier: Apache-2.0
// The state of a source and of a link, and how a link's addresses and status follow from its sources.
// Pure; EndpointSync owns the objects and polls.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/discovery/endpoint_merge.h"
#include "agent/endpoint/provider.h"
#include "core/message.h"

namespace postern::agent {

struct KnownSource {
    HeldAddresses held;
    EndpointReport report;
    bool known = false, from_snapshot = false, tried = false;
    Micros confirmed_wall_us = 0, changed_wall_us = 0, asked_wall_us = 0;
    std::optional<core::Error> error;
    Micros error_since_wall_us = 0;
    Micros missing_since_mono_us = 0;  // since when the API reports "no such endpoint"; 0: it does not
    core::Message doubt;
};

/// What one source of a link gave.
struct SourceStatus {
    std::string name;       // its key: "ep-…", "target:NAME", "file:PATH", "find:…"
    std::string target;     // the name that is followed; "" of the other kinds
    EndpointSet addresses;  // those of the link's zones that are in use
    Micros confirmed_wall_us = 0;
    std::optional<core::Error> error;  // of its last poll
};

struct KnownLink {
    LinkConfig config;
    EndpointSet addresses;
    bool known = false;
    Micros changed_wall_us = 0;
};

/// What discovery knows about one link; for status, metrics, doctor.
struct DiscoveryStatus {
    bool known = false;  // a set is known (API, snapshot or fixed addresses)
    std::string source;  // "api" | "list" | "dns" | "file" | "snapshot" | "fixed" | "none"
    EndpointSet addresses;
    Micros confirmed_wall_us = 0;  // last time the source confirmed exactly this set
    Micros asked_wall_us = 0;      // last time all of its sources answered, with any result; 0: not yet
    Micros changed_wall_us = 0;
    std::string request_id;            // of the confirming reply
    core::Message waiting_for;         // why_none_ready(), "" when addresses are ready
    std::optional<core::Error> error;  // of the last poll; cleared by a success
    Micros error_since_wall_us = 0;
    std::vector<EndpointReport> reports;
    std::vector<SourceStatus> sources;  // in the order of the configuration; none for fixed addresses
};

/// The addresses of a link from its sources; nullopt while a source has neither answered nor failed: half a set at the
/// start would send all clients to one zone.
std::optional<EndpointSet> compose(const LinkConfig& link, const std::vector<const KnownSource*>& sources,
                                   Micros now_mono_us);
DiscoveryStatus status_of(const KnownLink& link, const std::vector<const KnownSource*>& sources, Micros now_wall_us);

}  // namespace postern::agent
