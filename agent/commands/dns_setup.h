// SPDX-License-Identifier: Apache-2.0
// What the takeover needs from the configuration. All verbs but `enable` also work if it is broken: a host must get
// its DNS back in any case.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/commands/cli.h"
#include "agent/config/paths.h"

namespace postern::agent {

struct DnsSetup {
    Paths paths;
    DnsConfig dns;
    core::SocketAddress listen;      // our address that the host is pointed at
    std::vector<std::string> names;  // private names, sorted, unique, safe to write into root's files
    bool second_server = false;
};

/// Nullopt for an `enable` with mistakes in the file, after printing them.
std::optional<DnsSetup> dns_setup_or_complain(const DnsCommand& command);

}  // namespace postern::agent
