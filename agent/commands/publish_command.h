// SPDX-License-Identifier: Apache-2.0
// `postern publish …`: shared by its commands. One file per command: publish_privatezone.cpp, publish_file.cpp (also
// external-dns).
#pragma once

#include <string>
#include <vector>

#include "agent/client/console.h"
#include "agent/commands/cli.h"
#include "agent/publish/health.h"
#include "agent/publish/names.h"

namespace postern::agent {

/// The TTL that was given; else the shorter one where answers follow the health.
int ttl_of(const PublishCommon& common);

/// What is published of a name.
struct PublishedNow {
    const LinkConfig* link = nullptr;
    core::Result<EndpointSet> addresses;  // of the name
    EndpointSet answer;                   // those to be published; empty where `addresses` is an error
    std::string explain;                  // of the verdicts; "" without --follow-health
};

/// Asks all sources, and with --follow-health probes. Verdicts that can't be had withdraw nothing: that is told on stderr.
/// Errors: kUsage (no such link), kCancelled.
core::Result<std::vector<PublishedNow>> names_to_publish(const std::string& command, const Config& config,
                                                         const PublishCommon& common, Interruptible& interruptible);

}  // namespace postern::agent
