// What the takeover needs of the configuration. All but `enable` also work when that is broken: a host must get its DNS
// back whatever stands in the file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/commands/cli.h"
#include "agent/config/paths.h"
#include "core/fallback_file.h"

namespace postern::agent {

struct DnsSetup {
    Paths paths;
    core::SocketAddress listen;      // the address of ours that the host is pointed at
    std::vector<std::string> names;  // private ones, sorted, each once, in a form that may go into root's files
    bool second_server = false;
    core::Fallback served;  // what the resolver was last told
};

/// Nothing for an `enable` with mistakes in the file, after saying them.
std::optional<DnsSetup> dns_setup_or_complain(const DnsCommand& command);

}  // namespace postern::agent
