// Which addresses a person wants to have probed: those of the configuration, narrowed or replaced by options.
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
    std::vector<core::IpAddress> addresses;  // narrows the link's; with `host`, all there is
    std::string host, token_file, ca_file;
    int port = 0;                      // 0: the link's, else 443
    std::optional<Micros> timeout_us;  // of a whole probe; nothing: the link's
};

}  // namespace postern::agent
