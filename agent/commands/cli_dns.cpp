// SPDX-License-Identifier: Apache-2.0
// The options of `postern dns …`.
#include <memory>
#include <utility>

#include "agent/commands/cli_builder.h"

namespace postern::agent {

void add_dns_commands(CLI::App& root, const std::function<void(DnsCommand)>& chosen) {
    CLI::App* dns =
        root.add_subcommand("dns", "Who answers this host's programs: postern, or the host's own resolver.");
    dns->set_help_flag("-h,--help", "this text");
    dns->require_subcommand(1);
    const auto add_verb = [&](DnsCommand::Verb verb, const char* name, const char* help) {
        auto c = std::make_shared<DnsCommand>();
        c->verb = verb;
        CLI::App* app = dns->add_subcommand(name, help);
        add_config(app, c->config);
        app->callback([chosen, c] { chosen(*c); });
        return std::pair{app, c};
    };
    auto [enable, e] =
        add_verb(DnsCommand::Verb::kEnable, "enable",
                 "Point this host's resolver at postern, by its owner's own mechanism, after postern has answered.\n"
                 "Exit: 0 done or nothing to do, 2 refused or failed (the host is as before), 3 usage.");
    add_read(enable, "--mode",
             "split: only the private names come to postern; full: resolv.conf's server is postern;\n"
             "auto (the default): split where the host can, else full",
             "MODE", [c = e](const std::string& text) -> core::Message {
                 return parse_mode(text, &c->mode) ? "" : "is not auto, split or full";
             });
    auto [disable, d] = add_verb(
        DnsCommand::Verb::kDisable, "disable",
        "Give the host its own DNS back, exactly as it was.\nExit: 0 done or nothing to do, 2 not everything could be given back.");
    for (const auto& [app, c] : {std::pair{enable, e}, std::pair{disable, d}}) {
        app->add_flag("-n,--dry-run", c->dry_run, "show what would be done, change nothing");
        app->add_flag("--json", c->json, "what was done, as JSON");
    }
    auto [status, s] = add_verb(
        DnsCommand::Verb::kStatus, "status",
        "Who owns this host's DNS, what postern changed, and what conflicts with it.\n"
        "Exit: 0 as it should be, 1 needs attention, 2 taken over but not in place or not answered, 3 unknown.");
    status->add_flag("--json", s->json, "as JSON");
    add_verb(
        DnsCommand::Verb::kReapply, "reapply",
        "Take over again what another program rewrote; nothing when the host is not taken over. systemd starts it.");
    add_verb(
        DnsCommand::Verb::kPrestart, "prestart",
        "Finish what a power cut left half-way; on a clone of another machine discard that machine's state. systemd "
        "starts it at boot.");
}

}  // namespace postern::agent
