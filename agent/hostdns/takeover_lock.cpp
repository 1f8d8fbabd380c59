// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/takeover_lock.h"

#include "core/clock.h"
#include "core/sleep.h"

namespace postern::agent {

core::Result<core::LockFile> lock_takeover(const std::string& path) {
    if (auto made = core::make_folders(core::folder_of(path), 0755); !made) return core::fail(made.error());
    const core::Micros deadline_us = core::now_mono_us() + 90 * core::kSecond;
    for (;;) {
        auto lock = core::LockFile::acquire(path);
        if (lock || lock.error().code != core::Code::kLocked || core::now_mono_us() > deadline_us) return lock;
        core::sleep_for(50 * core::kMillisecond);
    }
}

}  // namespace postern::agent
