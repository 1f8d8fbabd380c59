// SPDX-License-Identifier: Apache-2.0
// The verdicts on disk, <state_dir>/verdicts.json, so that a restarted agent does not answer addresses that it knew
// to be down. Written atomically, in libuv's pool: at once when a verdict changes, then at most every two seconds,
// and every `refresh_us` so that unchanged verdicts stay recent. Not synced: after a power cut the file may be
// damaged; the checksum detects that. Owned by the app, loop thread.
#pragma once

#include <functional>
#include <string>

#include "agent/steering/state_file.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/loop.h"

namespace postern::agent {

class VerdictFile {
  public:
    /// `content`: what to write, called when it is written.
    VerdictFile(core::Loop& loop, core::Clock& clock, std::string path, std::function<std::string()> content);
    /// Passes the saved verdicts to `take`, which returns how many it used. Logs the result; a missing file
    /// is not logged.
    void restore(const std::function<core::Result<int>(const std::string&)>& take) const;
    /// From now on the file is kept up to date. A verdict is valid as long as a plan: it is refreshed after a
    /// third of that.
    void keep(core::Micros refresh_us);
    void changed();
    /// Writes now, on this thread (at exit).
    void flush();

  private:
    void write();
    void written(const core::Result<void>& result);

    StateFile file_;
    std::function<std::string()> content_;
    bool again_ = false;  // changed since the last write began
    bool kept_ = false;
    core::Micros refresh_us_ = 0;
    core::Timer pause_;  // pending: the last write was less than two seconds ago
    core::Timer refresh_;
    std::string problem_;  // of the last write
};

}  // namespace postern::agent
