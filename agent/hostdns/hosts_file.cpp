// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/hosts_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "core/ip_address.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxFindings = 100;

std::string normal(std::string_view written) {
    std::string name = core::lowered(written);
    if (!name.empty() && name.back() == '.') name.pop_back();
    return name;
}

std::set<std::string> normal(const std::vector<std::string>& names) {
    std::set<std::string> out;
    for (const auto& name : names)
        out.insert(normal(name));
    return out;
}

struct Line {
    std::vector<std::string> words;  // before any comment: address and names
    bool reversed = false;
    std::string managed;  // the first private name; "" if there is none
};

Line parse(const std::string& text, const std::set<std::string>& managed) {
    Line line;
    std::istringstream words(text.substr(0, text.find('#')));
    for (std::string word; words >> word;)
        line.words.push_back(word);
    if (line.words.empty()) return line;
    if (managed.count(normal(line.words[0])) != 0) {
        line.reversed = true;
        line.managed = normal(line.words[0]);
    } else if (core::IpAddress::parse(line.words[0])) {
        const auto found = std::find_if(line.words.begin() + 1, line.words.end(),
                                        [&](const auto& word) { return managed.count(normal(word)) != 0; });
        if (found != line.words.end()) line.managed = normal(*found);
    }
    return line;
}

}  // namespace

core::Message HostsLine::what() const {
    return reversed
               ? core::message("/etc/hosts:{}: \"{}\" has the name before the address: it has no effect", line, text)
               : core::message(
                     "/etc/hosts:{}: \"{}\" takes precedence over DNS: {} stays at this address whatever happens", line,
                     text, name);
}

std::string HostsLine::fix() const {
    std::string pattern;
    for (const char c : name)
        pattern += c == '.' ? std::string("[.]") : std::string(1, c);
    if (reversed) return fmt::format(R"(sed -i -E '/^\s*{}[.]?\s/I s/^/# postern: /' /etc/hosts)", pattern);
    std::string address;
    for (const char c : text.substr(0, text.find_first_of(" \t")))
        address += c == '.' ? std::string("[.]") : std::string(1, c);
    return fmt::format(
        R"(sed -i -E '/{0}([^#]*\s)?{1}[.]?(\s|#|$)/I{{h;s/^/# postern: /p;x;s/#.*//;:a;s/\s{1}[.]?(\s|$)/ /I;ta;s/\s+$//;/{0}/!d}}' /etc/hosts)",
        fmt::format(R"(^\s*{}\s)", address), pattern);
}

std::vector<HostsLine> hosts_findings(std::string_view hosts, const std::vector<std::string>& names) {
    const auto managed = normal(names);
    std::vector<HostsLine> findings;
    std::istringstream lines{std::string(hosts)};
    int number = 0;
    for (std::string text; std::getline(lines, text) && findings.size() < kMaxFindings;) {
        ++number;
        const Line line = parse(text, managed);
        if (line.managed.empty()) continue;
        const std::string_view shown = core::trimmed(std::string_view(text).substr(0, text.find('#')));
        findings.push_back({number, line.managed, std::string(shown), line.reversed});
    }
    return findings;
}

std::string without_names(std::string_view hosts, const std::vector<std::string>& names, const std::set<int>& lines) {
    const auto managed = normal(names);
    std::string out;
    for (int number = 1; !hosts.empty(); ++number) {
        const auto end = hosts.find('\n');
        const std::string text(hosts.substr(0, end));
        const bool ended = end != std::string_view::npos;  // the last line may not be
        hosts.remove_prefix(ended ? end + 1 : hosts.size());
        const Line line = lines.count(number) != 0 ? parse(text, managed) : Line{};
        std::string others;
        for (std::size_t i = 1; i < line.words.size() && !line.managed.empty() && !line.reversed; ++i) {
            if (managed.count(normal(line.words[i])) == 0) others += " " + line.words[i];
        }
        if (!line.managed.empty()) out += "# postern: ";
        out += text;
        if (!others.empty()) out += "\n" + line.words[0] + others;
        if (ended) out += '\n';
    }
    return out;
}

}  // namespace postern::agent
