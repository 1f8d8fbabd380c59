// SPDX-License-Identifier: Apache-2.0
// The names to publish and their addresses: from the sources themselves, asked once, or fixed. Blocking.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/discovery/source_round.h"
#include "agent/endpoint/endpoint_set.h"

namespace postern::agent::publish {

struct NameNow {
    const LinkConfig* link = nullptr;     // of the configuration
    core::Result<EndpointSet> addresses;  // never empty; else why they are not known, with the next step
};

/// The keys that the links (all, or the one named `link`) ask, without repetitions.
std::vector<std::string> keys_of(const std::vector<const LinkConfig*>& links);

/// A link's addresses from its sources' answers. Where one of them failed, or none has an address, that is the error: half
/// a set would send everybody to one zone.
core::Result<EndpointSet> addresses_of(const LinkConfig& link, const SourceRound::Answers& answers);

/// `link` "": all. kUsage if there is no such link.
core::Result<std::vector<NameNow>> ask_names(const Config& config, const std::string& link,
                                             const std::vector<core::SocketAddress>& upstreams,
                                             const std::function<bool()>& interrupted);

}  // namespace postern::agent::publish
