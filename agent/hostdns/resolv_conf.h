// resolv.conf: what it says, who wrote it, and the one that names us. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"

namespace postern::agent {

struct ResolvConf {
    std::vector<core::IpAddress> servers;
    std::optional<int> timeout_s;
    bool rotate = false;

    /// Unknown lines and nameservers with a scope (fe80::1%eth0) are skipped.
    static ResolvConf parse(std::string_view text);
    bool names(const core::IpAddress& server) const;
};

/// The program that the comments at the file's head name, such as "NetworkManager"; "" when they name none.
std::string writer_named_in(std::string_view text);

/// The file that sends every query to `ours`, then to `second` where one is wanted. All other lines of `original`
/// (search, domain, options, sortlist) are kept as they are; its comments and nameservers are not.
std::string compose_resolv_conf(std::string_view original, const core::IpAddress& ours,
                                const std::optional<core::IpAddress>& second);

/// All of it but comments and nameservers.
std::string other_lines(std::string_view text);

/// Whether it is a file of compose_resolv_conf(): such a one is never taken for the host's own.
bool is_our_resolv_conf(std::string_view text);

}  // namespace postern::agent
