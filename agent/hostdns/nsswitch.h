// SPDX-License-Identifier: Apache-2.0
// The hosts line of /etc/nsswitch.conf: which services glibc asks for a name, in which order, and where it stops. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::agent {

/// A service of the line, and the states behind which nothing is asked any more.
struct NssService {
    std::string name;                                         // "files", in lower case
    bool ends_not_found = false, ends_not_available = false;  // [NOTFOUND=return], [UNAVAIL=return]
};

struct NssHosts {
    std::string line;                  // what is behind "hosts:", without a comment; "" if there is no such line
    std::vector<NssService> services;  // empty: glibc's default, files and then DNS

    /// The first hosts line counts. Names of services and states are compared without case.
    static NssHosts parse(std::string_view nsswitch);

    /// Whether systemd-resolved is asked before, or instead of, the servers of resolv.conf.
    bool asks_resolved_first() const;
    /// Whether a lookup of `name`, which is not in /etc/hosts, comes to DNS. Services that are not known here are taken
    /// to pass it on.
    bool asks_dns(std::string_view name, bool resolved_runs) const;
    /// The line with what keeps DNS from being asked left out, and "dns" at its end if it has none.
    std::string with_dns() const;
    /// A command that makes the line that of with_dns(), and keeps it as a comment; "" if the line has unusual characters.
    std::string repair() const;
    /// Whether a line of /etc/hosts wins over DNS. resolved reads that file itself.
    bool hosts_file_wins(bool resolved_runs) const;
};

}  // namespace postern::agent
