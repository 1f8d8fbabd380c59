// SPDX-License-Identifier: Apache-2.0
#include "core/fallback_file.h"

#include <algorithm>

#include "core/text.h"

namespace postern::core {
namespace {

std::string_view next_word(std::string_view& line) {
    const auto start = line.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) return line = {};
    line.remove_prefix(start);
    const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
    line.remove_prefix(word.size());
    return word;
}

}  // namespace

std::string format_fallback(const Fallback& fallback) {
    std::string out = "# Written by postern for postern-resolver, for when no plan can be read. Do not edit.\n";
    for (const auto& a : fallback.listen)
        out += "listen " + a.text() + '\n';
    for (const auto& a : fallback.upstreams)
        out += "upstream " + a.text() + '\n';
    for (const auto& n : fallback.names)
        out += "name " + n + '\n';
    for (const auto& n : fallback.forwarded)
        out += "forward " + n + '\n';
    for (const auto& p : fallback.allow)
        out += "allow " + p.text() + '\n';
    return out;
}

Fallback parse_fallback(std::string_view text) {
    Fallback out;
    while (!text.empty()) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const std::string_view key = next_word(line);
        const std::string_view value = next_word(line);
        if (key == "upstream" || key == "nameserver") {
            if (const auto a = SocketAddress::parse(value, 53)) out.upstreams.push_back(*a);
        } else if (key == "listen") {
            if (const auto a = SocketAddress::parse(value, 53)) out.listen.push_back(*a);
        } else if (key == "name" && !value.empty()) {
            out.names.emplace_back(value);
        } else if (key == "forward" && !value.empty()) {
            out.forwarded.emplace_back(value);
        } else if (key == "allow") {
            if (const auto p = IpPrefix::parse(value)) out.allow.push_back(*p);
        }
    }
    return out;
}

Fallback with_known(Fallback now, const Fallback& before, std::string* kept) {
    kept->clear();
    const auto keep = [kept](auto& list, const auto& known, const char* name) {
        if (!list.empty() || known.empty()) return;
        list = known;
        add_item(*kept, name);
    };
    keep(now.listen, before.listen, "listen");
    keep(now.upstreams, before.upstreams, "upstream");
    std::vector<std::string> names = before.names;
    std::erase_if(names, [&now](const std::string& name) {
        return std::find(now.forwarded.begin(), now.forwarded.end(), name) != now.forwarded.end();
    });
    keep(now.names, names, "name");
    keep(now.allow, before.allow, "allow");
    return now;
}

}  // namespace postern::core
