// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/nsswitch.h"

#include <algorithm>
#include <sstream>

#include "core/text.h"

namespace postern::agent {
namespace {

enum class Outcome { kAsksDns, kNotFound, kNotAvailable, kUnknown };

/// Of a service for a name that no file and no machine of this host has.
Outcome outcome_of(const NssService& service, std::string_view name, bool resolved_runs) {
    const std::string& s = service.name;
    if (s == "dns") return Outcome::kAsksDns;
    if (s == "resolve") return resolved_runs ? Outcome::kAsksDns : Outcome::kNotAvailable;
    if (s == "files" || s == "db" || s == "myhostname" || s == "mymachines") return Outcome::kNotFound;
    if (s.starts_with("mdns")) {  // it answers for .local alone
        if (name.ends_with('.')) name.remove_suffix(1);
        return name.ends_with(".local") ? Outcome::kNotFound : Outcome::kNotAvailable;
    }
    return Outcome::kUnknown;
}

/// "[!UNAVAIL=return NOTFOUND=continue]" of the service before it.
void take_actions(std::string_view inside, NssService& service) {
    std::istringstream words{core::lowered(inside)};
    for (std::string word; words >> word;) {
        const auto equals = word.find('=');
        if (equals == std::string::npos) continue;
        const bool others = word.starts_with('!');
        const std::string status = word.substr(others ? 1 : 0, equals - (others ? 1 : 0));
        const bool ends = word.substr(equals + 1) == "return";
        if (others != (status == "notfound")) service.ends_not_found = ends;
        if (others != (status == "unavail")) service.ends_not_available = ends;
    }
}

}  // namespace

NssHosts NssHosts::parse(std::string_view nsswitch) {
    NssHosts out;
    std::istringstream lines{std::string(nsswitch)};
    for (std::string line; std::getline(lines, line);) {
        line.resize(std::min(line.find('#'), line.size()));
        const std::string_view text = core::trimmed(line);
        const auto colon = text.find(':');
        if (colon == std::string_view::npos || !core::same_word(core::trimmed(text.substr(0, colon)), "hosts"))
            continue;
        out.line = core::trimmed(text.substr(colon + 1));
        break;
    }
    std::string_view rest = out.line;
    while (!(rest = core::trimmed(rest)).empty()) {
        if (rest.front() == '[') {
            const auto close = std::min(rest.find(']'), rest.size() - 1);
            if (!out.services.empty()) take_actions(rest.substr(1, close - 1), out.services.back());
            rest.remove_prefix(close + 1);
            continue;
        }
        const auto end = std::min(rest.find_first_of(" \t["), rest.size());
        out.services.push_back({core::lowered(rest.substr(0, end))});
        rest.remove_prefix(end);
    }
    return out;
}

bool NssHosts::asks_resolved_first() const {
    for (const auto& service : services) {
        if (service.name == "resolve") return true;
        if (service.name == "dns") return false;
    }
    return false;
}

bool NssHosts::asks_dns(std::string_view name, bool resolved_runs) const {
    if (services.empty()) return true;
    for (const auto& service : services) {
        switch (outcome_of(service, name, resolved_runs)) {
            case Outcome::kAsksDns:
                return true;
            case Outcome::kNotFound:
                if (service.ends_not_found) return false;
                break;
            case Outcome::kNotAvailable:
                if (service.ends_not_available) return false;
                break;
            case Outcome::kUnknown:
                break;
        }
    }
    return false;
}

std::string NssHosts::with_dns() const {
    std::string out;
    std::string_view rest = line;
    std::size_t service = 0;
    bool dns = false;
    while (!(rest = core::trimmed(rest)).empty()) {
        const bool action = rest.front() == '[';
        const auto end =
            action ? std::min(rest.find(']'), rest.size() - 1) + 1 : std::min(rest.find_first_of(" \t["), rest.size());
        const std::string_view word = rest.substr(0, end);
        rest.remove_prefix(end);
        if (!action) {
            dns = dns || core::same_word(word, "dns");
            ++service;
        } else if (service > 0 && !dns) {
            const NssService& of = services[service - 1];
            if (of.ends_not_available || (of.ends_not_found && of.name != "resolve")) continue;
        }
        out.append(out.empty() ? "" : " ").append(word);
    }
    return dns ? out : out + (out.empty() ? "dns" : " dns");
}

std::string NssHosts::repair() const {
    const std::string wanted = with_dns();
    for (const char c : wanted) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && std::string_view(" _[]!=").find(c) == std::string_view::npos) return "";
    }
    return "sed -i -E 's/^\\s*hosts\\s*:.*/# postern: &\\nhosts: " + wanted + "/I' /etc/nsswitch.conf";
}

bool NssHosts::hosts_file_wins(bool resolved_runs) const {
    for (const auto& service : services) {
        if (service.name == "files" || (service.name == "resolve" && resolved_runs)) return true;
        if (service.name == "dns") return false;
    }
    return services.empty();
}

}  // namespace postern::agent
