// SPDX-License-Identifier: Apache-2.0
// resolv.conf: its content, its writer, and the file that names postern. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"

namespace postern::agent {

struct ResolvConf {
    std::vector<core::SocketAddress> servers;  // port 53
    std::optional<int> timeout_s;
    std::optional<int> attempts;
    bool rotate = false;

    /// Unknown lines are skipped.
    static ResolvConf parse(std::string_view text);
    bool names(const core::IpAddress& server) const;
};

/// The program named in the comments at the file's head, such as "NetworkManager"; "" if none is named.
std::string writer_named_in(std::string_view text);

/// The file that sends every query to `ours`, then to `second` if set. All other lines of `original` (search, domain,
/// options, sortlist) are kept; its comments and nameservers are not.
std::string compose_resolv_conf(std::string_view original, const core::IpAddress& ours,
                                const std::optional<core::IpAddress>& second);

/// All lines but comments and nameservers.
std::string other_lines(std::string_view text);

/// Whether it was made by compose_resolv_conf(): such a file is never taken for the host's own.
bool is_our_resolv_conf(std::string_view text);

}  // namespace postern::agent
