// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/dns_setup.h"

#include <algorithm>

#include "agent/client/console.h"
#include "agent/config/last_good.h"
#include "agent/hostdns/own_address.h"
#include "agent/text/values.h"
#include "core/fallback_file.h"
#include "core/file_system.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxNames = 10000;  // as many as links

}  // namespace

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
    core::Fallback served;  // by the resolver
    if (const auto text = core::read_file(s.paths.fallback, core::kMaxFallbackBytes))
        served = core::parse_fallback(*text);
    s.names = c.answered_hosts();
    // Once it is running, the served names count: the file may be newer, or broken.
    if (command.verb != DnsCommand::Verb::kEnable && !served.names.empty()) s.names = served.names;
    // The file belongs to an ordinary user, and these words go into root's files and commands.
    std::erase_if(s.names, [](const std::string& name) { return !normalise_host(name); });
    if (s.names.size() > kMaxNames) s.names.resize(kMaxNames);
    std::sort(s.names.begin(), s.names.end());
    s.names.erase(std::unique(s.names.begin(), s.names.end()), s.names.end());
    return s;
}

}  // namespace postern::agent
