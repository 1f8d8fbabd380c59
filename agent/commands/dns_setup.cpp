// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/dns_setup.h"

#include "agent/client/console.h"
#include "agent/config/last_good.h"
#include "agent/hostdns/own_address.h"
#include "agent/hostdns/served.h"

namespace postern::agent {
std::optional<DnsSetup> dns_setup_or_complain(const DnsCommand& command) {
    DnsSetup s;
    const auto usable = load_usable_config(command.config);
    const auto& mistakes = usable ? usable->mistakes : usable.error();
    if (!mistakes.empty() && command.verb == DnsCommand::Verb::kEnable) {
        for (const auto& issue : mistakes)
            complain("dns enable", format_issue(command.config, issue));
        return std::nullopt;
    }
    const Config c = usable ? usable->config : Config{};
    s.paths = paths_of(c.agent);
    s.dns = c.dns;
    s.listen = own_address(c.dns);
    s.second_server = c.dns.second_nameserver;
    const std::vector<std::string> served = read_served(s.paths.fallback).names;
    s.names = c.answered_hosts();
    // Once it is running, the served names count: the file may be newer, or broken.
    if (command.verb != DnsCommand::Verb::kEnable && !served.empty()) s.names = served;
    s.names = safe_names(std::move(s.names));
    return s;
}

}  // namespace postern::agent
