// SPDX-License-Identifier: Apache-2.0
// `postern publish keygen`.
#include "agent/client/console.h"
#include "agent/commands/cli.h"
#include "agent/fleet/key_file.h"

namespace postern::agent {

int run_command(const PublishKeygenCommand& command) {
    constexpr const char* kName = "publish keygen";
    if (command.show) {
        const auto key = read_key_file(command.file);
        if (!key) {
            complain(kName, key.error());
            return kExitFailed;
        }
        print(key->public_key().text() + "\n");
        return kExitGood;
    }
    const auto key = SigningKey::make();
    if (!key) {
        complain(kName, "no random numbers for a key: is the system still starting?");
        return kExitFailed;
    }
    if (auto written = write_key_file(command.file, *key); !written) {
        complain(kName, written.error());
        return kExitFailed;
    }
    print(key->public_key().text() + "\n");
    return kExitGood;
}

}  // namespace postern::agent
