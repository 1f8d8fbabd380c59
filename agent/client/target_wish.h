// SPDX-License-Identifier: Apache-2.0
// The addresses to probe: those of the configuration, restricted or replaced by options.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"

namespace postern::agent {

struct TargetWish {
    std::string config = kDefaultConfigPath;
    bool config_given = false;
    std::string link;                        // "": all
    std::vector<core::IpAddress> addresses;  // restricts the link's; with `host`, the only ones
    std::string host, token_file, ca_file;
    int port = 0;                      // 0: the link's, else 443
    std::optional<Micros> timeout_us;  // of a whole probe; nullopt: the link's
};

}  // namespace postern::agent
