// SPDX-License-Identifier: Apache-2.0
// `postern publish …`: what it has.
#include "agent/commands/cli_builder.h"

namespace postern::agent {

void add_publish_commands(CLI::App& root, const Chosen& chosen) {
    CLI::App* publish = root.add_subcommand("publish", "The addresses for a fleet of hosts: one signed list.");
    publish->set_help_flag("-h,--help", "this text");
    publish->require_subcommand(1);
    add_publish_list(*publish, chosen);
}

}  // namespace postern::agent
