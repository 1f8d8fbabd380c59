// SPDX-License-Identifier: Apache-2.0
// Lines of /etc/hosts that override private names: programs read that file before they ask a resolver. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/message.h"

namespace postern::agent {

struct HostsLine {
    int line = 0;           // from 1
    std::string name;       // the private name
    std::string text;       // the line, without a comment: that is nobody else's
    bool reversed = false;  // "{name} {ip}", as in some old guides: it has no effect

    core::Message what() const;
    /// A command that takes the name from such lines, whatever their numbers are by then: the line becomes a comment, and
    /// its other names get a line of their own. Running it again, or others like it before, changes nothing about it.
    std::string fix() const;
};

/// At most 100 findings; names are compared without case and final dot.
std::vector<HostsLine> hosts_findings(std::string_view hosts, const std::vector<std::string>& names);

/// The file with these lines turned into comments; other names of such a line keep a separate line.
std::string without_names(std::string_view hosts, const std::vector<std::string>& names, const std::set<int>& lines);

}  // namespace postern::agent
