#include "agent/hostdns/hosts_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "core/ip_address.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxFindings = 100;

std::string normal(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c); });
    if (!name.empty() && name.back() == '.') name.pop_back();
    return name;
}

}  // namespace

std::string HostsFinding::what() const {
    return reversed ? fmt::format("/etc/hosts:{}: \"{}\" has the name before the address: it has no effect", line, text)
                    : fmt::format("/etc/hosts:{}: \"{}\" wins over every resolver: {} stays at this address whatever happens", line, text, name);
}

std::string HostsFinding::fix() const { return fmt::format("sed -i '{}d' /etc/hosts", line); }

std::vector<HostsFinding> hosts_findings(std::string_view hosts, const std::vector<std::string>& names) {
    std::set<std::string> managed;
    for (const auto& name : names) managed.insert(normal(name));
    std::vector<HostsFinding> findings;
    std::istringstream lines{std::string(hosts)};
    int number = 0;
    for (std::string line; std::getline(lines, line) && findings.size() < kMaxFindings;) {
        ++number;
        std::istringstream words(line.substr(0, line.find('#')));
        std::string first, word;
        if (!(words >> first)) continue;
        if (managed.count(normal(first)) != 0) {
            findings.push_back({number, normal(first), line, true});
            continue;
        }
        if (!core::IpAddress::parse(first)) continue;
        while (words >> word) {
            if (managed.count(normal(word)) == 0) continue;
            findings.push_back({number, normal(word), line, false});
            break;
        }
    }
    return findings;
}

}  // namespace postern::agent
