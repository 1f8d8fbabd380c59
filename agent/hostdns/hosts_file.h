// Lines of /etc/hosts that get in the way: programs believe that file before they ask any resolver. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace postern::agent {

struct HostsLine {
    int line = 0;           // from 1
    std::string name;       // the private name
    std::string text;       // the line
    bool reversed = false;  // "{name} {ip}": some old guides had it so; it does nothing but mislead

    std::string what() const;
    std::string fix() const;
};

/// At most 100 findings; names without case and without the final dot.
std::vector<HostsLine> hosts_findings(std::string_view hosts, const std::vector<std::string>& names);

/// The file without `names` in these lines: they become comments; other names of such a line keep a line of their own.
std::string without_names(std::string_view hosts, const std::vector<std::string>& names, const std::set<int>& lines);

}  // namespace postern::agent
