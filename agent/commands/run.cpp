// SPDX-License-Identifier: Apache-2.0
#include "agent/app.h"
#include "agent/client/console.h"
#include "agent/commands/cli.h"

namespace postern::agent {

int run_command(const RunCommand& command) {
    const auto usable = load_usable_config(command.config);
    if (!usable) {
        complain_about(command.config, usable.error());
        return kExitFailed;
    }
    RunOptions options;
    options.config_path = command.config;
    options.start_resolver = !command.no_resolver;
    options.follow_config = command.follow_config;
    return run_agent(*usable, options);
}

int run_command(const PrintAndExit& command) {
    command.code == kExitGood ? print(command.text) : print_note(command.text);
    return command.code;
}

}  // namespace postern::agent
