// SPDX-License-Identifier: Apache-2.0
// resolv.conf: its content, its writer, the file that names postern, and which of its lines do. Pure.
#pragma once

#include <functional>
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
    std::optional<int> ndots;
    bool rotate = false;
    std::vector<std::string> search;  // of the last "search" or "domain" line

    /// Unknown lines are skipped.
    static ResolvConf parse(std::string_view text);
    bool names(const core::IpAddress& server) const;
    /// Whether a C library asks for `name`, written without a final dot, with each search domain before it asks for it as it
    /// is: it has fewer dots than ndots, by default 1 (resolv.conf(5)).
    bool searches_first(std::string_view name) const;
};

/// The program named in the comments at the file's head, such as "NetworkManager"; "" if none is named.
std::string writer_named_in(std::string_view text);

/// The file that sends every query to `ours`, then to `second` if set. All other lines of `original` (search, domain,
/// options, sortlist) are kept; its comments and nameservers are not.
std::string compose_resolv_conf(std::string_view original, const core::IpAddress& ours,
                                const std::optional<core::IpAddress>& second);

/// All lines but comments and nameservers.
std::string other_lines(std::string_view text);

/// Tells the servers that are ours.
using IsOurs = std::function<bool(const core::SocketAddress&)>;

struct NamedServers {
    bool ours = false;
    std::vector<core::SocketAddress> others;  // in order, each once
};
/// Whom the nameserver lines name. Ours is a line with an address of ours, wherever it stands and whoever wrote it; the
/// line below our header is ours with any loopback address, which we may have listened on before.
NamedServers servers_in(std::string_view text, const IsOurs& is_ours);

/// The file as it would be without us: `instead` replaces our header and our lines. At most three servers, which is
/// what programs read. A file that does not name us stays as it is.
std::string without_us(std::string_view text, const IsOurs& is_ours, const std::vector<core::SocketAddress>& instead);

/// The file with these servers, at most three, in place of those that it names.
std::string with_servers(std::string_view text, const std::vector<core::SocketAddress>& servers);

}  // namespace postern::agent
