// SPDX-License-Identifier: Apache-2.0
#include "agent/config/run_folders.h"

#include "agent/config/paths.h"
#include "core/log.h"

namespace postern::agent {

core::Result<core::LockFile> prepare_folders(const Config& config) {
    const Paths paths = paths_of(config.agent);
    if (auto made = core::make_folders(config.agent.runtime_dir, 0750); !made) {
        core::Error error = made.error();
        error.hint = "create it for postern's user, or set [agent] runtime_dir";
        return core::fail(std::move(error));
    }
    for (const auto& folder :
         {config.agent.state_dir, core::folder_of(paths.durable_plan), core::folder_of(paths.stats)}) {
        // Without a state folder everything works until the next boot: reported, not fatal.
        if (auto made = core::make_folders(folder, folder == config.agent.state_dir ? 0700 : 0750); !made) {
            core::log_warning("folder_missing", made.error().text());
        }
    }
    return core::LockFile::acquire(paths.agent_lock);
}

}  // namespace postern::agent
